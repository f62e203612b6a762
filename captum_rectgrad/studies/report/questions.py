"""The questions that the studies answer, for the page of all claims."""

from collections.abc import Mapping

# A study's claims are listed under its question. Every study has one question.
QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "Noise: are maps free of it?": (
        "occluded-saliency",
        "robust-saliency",
        "layers",
        "patch",
        "total-variation",
    ),
    "Object: are maps on what the decision rests on?": (
        "feature-map-occlusion",
        "feature-maps",
        "coherence",
        "background",
        "roar-kar",
        "roar-kar-held-out",
    ),
    "Class: do maps depend on it, or show the image alone?": (
        "adversarial",
        "nie-maps",
        "nie-edges",
    ),
    "Layers: do maps depend on all of them?": ("nie-layers", "rectgrad-percentiles"),
    "Theory: what do the rules compute?": ("threshold-sweep", "propagation-rules", "nie-theory"),
}
