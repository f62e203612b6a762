"""The table of studies. A study is imported on first use, since it imports PyTorch."""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from captum_rectgrad.studies.framework.study import AnyStudy

# The module in `captum_rectgrad.studies` with `STUDY`, by the study's name.
MODULES: Mapping[str, str] = {
    "occluded-saliency": "kim2019.occluded_saliency",
    "robust-saliency": "kim2019.robust_saliency",
    "feature-map-occlusion": "kim2019.feature_map_occlusion",
    "threshold-sweep": "kim2019.threshold_sweep",
    "coherence": "kim2019.coherence",
    "adversarial": "kim2019.adversarial",
    "layers": "kim2019.layers",
    "patch": "kim2019.patch",
    "background": "kim2019.background",
    "total-variation": "kim2019.total_variation",
    "feature-maps": "kim2019.feature_maps",
    "propagation-rules": "kim2019.propagation_rules",
    "roar-kar": "roar_kar.study",
    "roar-kar-held-out": "roar_kar.held_out",
    "nie-maps": "nie2018.maps",
    "nie-edges": "nie2018.edges",
    "nie-layers": "nie2018.layers",
    "nie-theory": "nie2018.theory",
    "rectgrad-percentiles": "nie2018.percentiles",
}


def find(name: str) -> "AnyStudy":
    """The study with a name.

    Args:
        name: name on the command line.

    Returns:
        The study.

    Raises:
        ValueError: there is no such study; the error lists all names.
    """
    if name not in MODULES:
        raise ValueError(f"{name!r} is not a study; choose from {', '.join(MODULES)}, or all")
    study: AnyStudy = importlib.import_module(f"captum_rectgrad.studies.{MODULES[name]}").STUDY
    return study


def studies() -> tuple["AnyStudy", ...]:
    """All studies, in the order of the table.

    Returns:
        The studies.
    """
    return tuple(map(find, MODULES))
