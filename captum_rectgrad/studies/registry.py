"""The table of studies. One is imported when it is asked for: each needs PyTorch and more."""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from captum_rectgrad.studies.study import AnyStudy

# The module in this package that has `STUDY`, by the study's name.
MODULES: Mapping[str, str] = {
    "occluded-saliency": "occluded_saliency",
    "feature-map-occlusion": "feature_map_occlusion",
    "threshold-sweep": "threshold_sweep",
    "coherence": "coherence",
    "adversarial": "adversarial",
    "layers": "layers",
    "patch": "patch",
    "background": "background",
    "total-variation": "total_variation",
    "feature-maps": "feature_maps",
    "propagation-rules": "propagation_rules",
    "roar-kar": "roar_kar.study",
    "nie-maps": "nie.maps",
    "nie-edges": "nie.edges",
    "nie-layers": "nie.layers",
    "nie-theory": "nie.theory",
    "rectgrad-percentiles": "nie.percentiles",
}


def find(name: str) -> "AnyStudy":
    """The study of a name.

    Args:
        name: on the command line.

    Returns:
        The study.

    Raises:
        ValueError: there is none; the error names all.
    """
    if name not in MODULES:
        raise ValueError(f"{name!r} is no study; choose from {', '.join(MODULES)}, or all")
    study: AnyStudy = importlib.import_module(f"captum_rectgrad.studies.{MODULES[name]}").STUDY
    return study


def studies() -> tuple["AnyStudy", ...]:
    """All of them, in the order of the table.

    Returns:
        The studies.
    """
    return tuple(map(find, MODULES))
