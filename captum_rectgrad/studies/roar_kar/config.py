"""What can be chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from captum_rectgrad.evaluation.methods import Method

# How the pixels of a map are ranked. The paper's is the first: section 5.3 has the baselines' maps
# thresholded, and sums the signed attributions over the channels.
Form: TypeAlias = Literal["thresholded", "signed", "absolute"]
FORMS: tuple[Form, ...] = ("thresholded", "signed", "absolute")
OWN: Form = "signed"  # of methods that are no baselines: they are ranked as they are
# Symmetric: the pixels that KAR keeps at a fraction are those that ROAR removes at another.
FRACTIONS = (0.1, 0.3, 0.5, 0.7, 0.9)
NETWORKS = 3
EPOCHS = 20


@dataclass(frozen=True)
class RoarKarConfig:
    """What is trained, on how much.

    Attributes:
        train_images: number of training images; None: all.
        test_images: number of test images; None: all.
        fractions: of the pixels that are replaced, ascending, above 0 and below 1.
        networks: trained for each cell.
        mask_networks: trained for each cell that shows the mask alone.
        epochs: of each training.
        forms: how the baselines' maps are ranked.
        of_methods: keys of the methods, of those that are compared; None: all.
    """

    train_images: int | None = None
    test_images: int | None = None
    fractions: tuple[float, ...] = FRACTIONS
    networks: int = NETWORKS
    mask_networks: int = 1
    epochs: int = EPOCHS
    forms: tuple[Form, ...] = FORMS
    of_methods: tuple[str, ...] | None = None


def forms_of(
    method: Method, forms: Sequence[Form], final_percentile: float | None
) -> tuple[Form, ...]:
    """How a method's maps are ranked.

    RectGrad's maps are never negative: signed and absolute, they rank the same.

    Args:
        method: which.
        forms: those that baselines are to have.
        final_percentile: of the baselines' final threshold; None: there is none.

    Returns:
        The forms, in order; `OWN` alone for controls and for methods that are no baselines.
    """
    if method.control or not method.baseline:
        return (OWN,)
    return tuple(form for form in forms if form != "thresholded" or final_percentile is not None)
