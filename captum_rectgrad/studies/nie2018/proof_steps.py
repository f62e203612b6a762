"""Lemma 1, and a step of the proofs of theorems 1 and 2, on random networks."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.studies.framework.bounds import ROUNDING, SIMILAR_RELATIVE, judged_by
from captum_rectgrad.studies.framework.result import Claim
from captum_rectgrad.studies.nie2018.random_networks import PATCH, RandomCNN
from captum_rectgrad.studies.nie2018.simulation import RULES

# By rule, whether it has the forward ReLU (the active units) and the backward ReLU.
_RELUS = {"Saliency": (True, False), "DeconvNet": (False, True), "Guided BP": (True, True)}


def unified_map(model: RandomCNN, image: Tensor, *, forward: bool, backward: bool) -> Tensor:
    """The form of lemma 1, `sum over filters i and patches j of D_j^T h(V_ij) w_ij`.

    `D_j` cuts patch j out of the image, `h` is the backward ReLU or the identity, and `w_ij` is the
    filter, with the forward ReLU only where it responds to the patch.

    Args:
        model: the random network.
        image: `(C, H, W)`.
        forward: with the forward ReLU.
        backward: with the backward ReLU.

    Returns:
        `(C, H, W)`, not normalised.
    """
    with torch.no_grad():
        patches = F.unfold(image[None], PATCH, padding=PATCH // 2)[0]
        filters = model.filters.weight.flatten(1)
        weights = model.logit.weight.reshape(len(filters), -1)
        if backward:
            weights = weights.relu()
        if forward:
            weights = weights * (filters @ patches > 0)
        size = (image.shape[1], image.shape[2])
        columns = (filters.T @ weights)[None]
        found: Tensor = F.fold(columns, size, PATCH, padding=PATCH // 2)[0]
        return found


def lemma_gap(images: Tensor, filters: int, seed: int) -> float:
    """Largest difference of a map and the form of lemma 1, relative to the map's largest value.

    Args:
        images: `(M, C, H, W)`, one for each random network.
        filters: number of filters of the networks.
        seed: seed of the weights.

    Returns:
        The maximum over the images and the three rules, in float64.
    """
    gaps = []
    for number, image in enumerate(images.double()):
        generator = torch.Generator().manual_seed(derived_seed(seed, "lemma", filters, number))
        shape = (image.shape[0], image.shape[1], image.shape[2])
        model = RandomCNN(filters, shape, generator).double().eval()
        for rule, (forward, backward) in _RELUS.items():
            (found,) = RULES[rule](model).attribute(image[None], target=0)
            expected = unified_map(model, image, forward=forward, backward=backward)
            gaps.append(float((found - expected).abs().max() / found.abs().max()))
    return max(gaps)


def patches_of_each_pixel(height: int, width: int) -> Tensor:
    """Diagonal of the sum of `D_j^T D_j`: the number of patches that contain each pixel.

    Args:
        height: of the image.
        width: of the image.

    Returns:
        `(height, width)`, float32.
    """
    ones = torch.ones(1, PATCH**2, height * width)
    found: Tensor = F.fold(ones, (height, width), PATCH, padding=PATCH // 2)[0, 0]
    return found


def proof_claims(images: Tensor, filters: int, seed: int) -> list[Claim]:
    """Judge lemma 1 and the sum of `D^T D`. Both are exact, so they have no interval.

    Args:
        images: `(M, C, H, W)`.
        filters: number of filters of the networks of lemma 1.
        seed: seed of the weights.
    """
    gap = lemma_gap(images, filters, seed)
    counts = patches_of_each_pixel(images.shape[2], images.shape[3]) / PATCH**2
    deviation = math.sqrt((counts - 1).square().mean())
    everywhere = float((counts == 1).double().mean())
    about, about_if = judged_by(
        SIMILAR_RELATIVE, lambda bound: "holds" if deviation <= bound else "does not hold"
    )
    return [
        Claim(
            "Maps of the three methods have one form, with and without forward and backward ReLUs",
            "lemma 1",
            "holds" if gap <= ROUNDING.value else "does not hold",
            f"largest difference over {len(images)} networks of {filters} filters, relative to the "
            f"map's largest value: {gap:.2g}; up to {ROUNDING} counts as equal",
        ),
        Claim(
            "The sum of D^T D is about p times the identity",
            "appendix B, last step of the proof, and appendix C",
            about,
            f"root mean square of its diagonal's difference from p = {PATCH**2} pixels of a patch, "
            f"relative to p: {deviation:.4g}; it is p for {everywhere:.4g} of the pixels, those "
            f"off the border; up to {SIMILAR_RELATIVE} counts as about p ({about_if})",
        ),
    ]
