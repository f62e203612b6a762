"""Options of the study."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from captum_rectgrad.evaluation.methods import Method

# Forms of ranking pixels. The first is the primary one: the authors' code sums the channels with
# their signs and has no final threshold. The text of section 5.3 may mean thresholded maps.
Form: TypeAlias = Literal["thresholded", "signed", "absolute"]
FORMS: tuple[Form, ...] = ("signed", "thresholded", "absolute")
OWN: Form = "signed"  # form of all methods that are not baselines
# Symmetric: the pixels that KAR keeps at one fraction are those that ROAR removes at another.
FRACTIONS = (0.1, 0.3, 0.5, 0.7, 0.9)
NETWORKS = 3
EPOCHS = 20


@dataclass(frozen=True)
class RoarKarConfig:
    """Size of the study.

    Attributes:
        train_images: number of training images; None: all.
        test_images: number of test images; None: all.
        fractions: fractions of replaced pixels, ascending, above 0 and below 1.
        networks: number of networks trained for each cell.
        mask_networks: number of networks trained for each cell of the mask alone; 0: none.
        road: whether ROAD is measured.
        held_out: whether the explained network has not been trained on the training images, which
            are then those held out of its training. A network recognises the class of its own
            training images more often than that of test images, which its maps may tell.
        epochs: epochs of each training.
        forms: forms of the baselines' rankings.
        of_methods: keys of the compared methods, among the chosen ones; None: all.
    """

    train_images: int | None = None
    test_images: int | None = None
    fractions: tuple[float, ...] = FRACTIONS
    networks: int = NETWORKS
    mask_networks: int = 1
    road: bool = True
    held_out: bool = False
    epochs: int = EPOCHS
    forms: tuple[Form, ...] = FORMS
    of_methods: tuple[str, ...] | None = None


def forms_of(
    method: Method, forms: Sequence[Form], final_percentile: float | None
) -> tuple[Form, ...]:
    """The forms in which a method's maps are ranked.

    RectGrad's maps are never negative, so their signed and absolute ranks are equal.

    Args:
        method: the method.
        forms: forms of baselines.
        final_percentile: the baselines' final threshold; None: none.

    Returns:
        The forms, in order; only `OWN` for controls and for methods that are not baselines.
    """
    if method.control or not method.baseline:
        return (OWN,)
    return tuple(form for form in forms if form != "thresholded" or final_percentile is not None)
