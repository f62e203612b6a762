"""The table of studies."""

from captum_rectgrad.studies import (
    adversarial,
    background,
    coherence,
    feature_map_occlusion,
    feature_maps,
    layers,
    occluded_saliency,
    patch,
    propagation_rules,
    threshold_sweep,
    total_variation,
)
from captum_rectgrad.studies.nie import edges as nie_edges
from captum_rectgrad.studies.nie import layers as nie_layers
from captum_rectgrad.studies.nie import maps as nie_maps
from captum_rectgrad.studies.nie import percentiles as nie_percentiles
from captum_rectgrad.studies.nie import theory as nie_theory
from captum_rectgrad.studies.roar_kar import study as roar_kar
from captum_rectgrad.studies.study import AnyStudy

STUDIES: tuple[AnyStudy, ...] = (
    occluded_saliency.STUDY,
    feature_map_occlusion.STUDY,
    threshold_sweep.STUDY,
    coherence.STUDY,
    adversarial.STUDY,
    layers.STUDY,
    patch.STUDY,
    background.STUDY,
    total_variation.STUDY,
    feature_maps.STUDY,
    propagation_rules.STUDY,
    roar_kar.STUDY,
    nie_maps.STUDY,
    nie_edges.STUDY,
    nie_layers.STUDY,
    nie_theory.STUDY,
    nie_percentiles.STUDY,
)


def find(name: str) -> AnyStudy:
    """The study of a name.

    Args:
        name: on the command line.

    Returns:
        The study.

    Raises:
        ValueError: there is none; the error names all.
    """
    for study in STUDIES:
        if study.name == name:
            return study
    known = ", ".join(study.name for study in STUDIES)
    raise ValueError(f"{name!r} is no study; choose from {known}, or all")
