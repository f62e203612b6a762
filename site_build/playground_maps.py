"""The playground of the home page: `python -m site_build.playground_maps FOLDER` computes its maps.

Six photographs, three classes each, four methods, RectGrad with eight percentiles, and the network
with its trained and with random weights. `docs/assets/playground.js` shows the maps and the numbers
of the folder.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

import rectgrad_zoo
from captum_rectgrad.app.networks import Network
from captum_rectgrad.evaluation.map_metrics import unit_ranks, without_sign
from captum_rectgrad.evaluation.methods import Method, choose_methods
from captum_rectgrad.evaluation.run_method import attribute
from captum_rectgrad.plotting.images import photographs
from captum_rectgrad.plotting.maps import Row, plot_comparison
from captum_rectgrad.plotting.single_map import COLOURS, STRONGEST, WEAKEST, capped_map

# Names in `captum_rectgrad.plotting.images.photographs`, and what one sees.
PHOTOGRAPHS = {
    "chelsea": "a cat's face",
    "coffee": "a cup of espresso",
    "rocket": "a rocket between two towers",
    "motorcycle": "a motorcycle in a garage",
    "camera": "a man with a camera on a tripod",
    "astronaut": "an astronaut beside a flag",
}
OTHERS = ("saliency", "gradient-input", "guided-bp")  # methods without a percentile
PERCENTILES = (0, 20, 40, 60, 80, 90, 95, 98)
REFERENCE = 80  # the percentile that the others are compared with
SIDE = 448  # pixels of a photograph, so that it is sharp on dense screens
QUALITY = 75
QUALITY_OF_MAPS = 40  # of WebP; a higher quality is not seen, and takes more than 4 MB from 50 on
ZERO, LARGEST = 128, 127  # of a pixel of a map


@dataclass(frozen=True, eq=False)
class Explained:
    """A photograph and its maps.

    Attributes:
        picture: as the network sees it, `(H, W, 3)` in [0, 1].
        classes: names and probabilities of the explained classes: the two most probable ones and
            the least probable one.
        trained: maps of the trained network, `(K, F, C, H, W)`.
        random: maps of the network with random weights, of the same shape.
    """

    picture: NDArray[np.float32]
    classes: Sequence[tuple[str, float]]
    trained: Tensor
    random: Tensor


@dataclass(frozen=True, eq=False)
class Similarities:
    """Rank correlations of the absolute values of maps of one photograph.

    N networks (trained, random), K classes, F maps of each: those of `forms()`.

    Attributes:
        percentile: RectGrad's maps with that of q = 80, `(N, K, percentiles)`.
        another_class: each map with that of each class, `(N, K, K, F)`.
        network: the maps of the two networks, `(K, F)`.
    """

    percentile: NDArray[np.float64]
    another_class: NDArray[np.float64]
    network: NDArray[np.float64]

    def rounded(self) -> dict[str, Any]:
        """As lists with two decimals, for JSON; minus zero becomes zero."""
        return {name: (value.round(2) + 0.0).tolist() for name, value in vars(self).items()}


def forms() -> list[Method]:
    """The methods without a percentile, then RectGrad with each percentile."""
    swept = [choose_methods(["rectgrad"], q)[0] for q in PERCENTILES]
    return [*choose_methods(OTHERS), *swept]


def maps(model: nn.Module, x: Tensor, classes: Sequence[int]) -> Tensor:
    """The maps of one photograph.

    Args:
        model: in eval mode.
        x: `(1, C, H, W)`.
        classes: indices of K classes.

    Returns:
        `(K, F, C, H, W)`, in the order of `forms()`.
    """
    batch, targets = x.expand(len(classes), -1, -1, -1), torch.tensor(classes)
    return torch.stack([attribute(form, model, batch, targets) for form in forms()], dim=1)


def explain(network: Network, photograph: Image.Image) -> Explained:
    """Compute all maps of a photograph.

    Args:
        network: with at least three classes.
        photograph: an RGB image.
    """
    x = network.inputs(photograph)
    probabilities = network.probabilities(x)
    names = network.classes(len(probabilities))
    first, second, *_, least = probabilities.argsort(descending=True).tolist()
    chosen = [first, second, least]
    return Explained(
        picture=network.picture(x),
        classes=[(names[one], float(probabilities[one])) for one in chosen],
        trained=maps(network.model, x, chosen),
        random=maps(network.randomised, x, chosen),
    )


def similarities(trained: Tensor, random: Tensor) -> Similarities:
    """Compare the maps of a photograph with each other.

    Args:
        trained: maps of the trained network, `(K, F, C, H, W)`.
        random: maps of the network with random weights, of the same shape.

    Returns:
        The rank correlations.

    Raises:
        ValueError: a map is constant, so that it has no rank correlation.
    """
    both = torch.stack([trained, random])
    ranks = unit_ranks(without_sign(both.flatten(0, 2))).reshape(*both.shape[:3], -1)
    if constant := ranks.isnan().any(dim=-1).nonzero().tolist():
        raise ValueError(
            f"got constant maps at (network, class, form) {constant}, expected maps with different "
            "pixels; choose another photograph, class or percentile"
        )
    swept = ranks[:, :, len(OTHERS) :]
    reference = swept[:, :, PERCENTILES.index(REFERENCE)]
    return Similarities(
        percentile=torch.einsum("ncfp,ncp->ncf", swept, reference).numpy(),
        another_class=torch.einsum("ncfp,nkfp->nckf", ranks, ranks).numpy(),
        network=torch.einsum("cfp,cfp->cf", *ranks).numpy(),
    )


def means(found: Sequence[Similarities]) -> dict[str, float]:
    """The numbers of the home page: means over the photographs, for the predicted class.

    Args:
        found: those of each photograph.

    Returns:
        By the name of its place in the page.
    """
    low, middle, high = (PERCENTILES.index(q) for q in (20, REFERENCE, 98))
    least = [one.another_class[0, 0, -1] for one in found]
    return {
        "percentile": float(np.mean([one.percentile[0, 0, low] for one in found])),
        "class": float(np.mean([one[len(OTHERS) + middle] for one in least])),
        "class-at-default": float(np.mean([one[len(OTHERS) + high] for one in least])),
        "class-of-saliency": float(np.mean([one[OTHERS.index("saliency")] for one in least])),
    }


def sprite(attributions: Tensor) -> Image.Image:
    """The maps of a photograph in one image: a row for each class, a column for each form.

    A pixel is 128 for zero. Its distance from 128 is the square root of the value's share of the
    largest, which is the opacity of `plot_map`: brighter is for the class, darker against it.

    Args:
        attributions: `(K, F, C, H, W)`.

    Returns:
        A grey image of `K * H` x `F * W` pixels.
    """
    rows = [np.hstack([_pixels(one) for one in row]) for row in attributions]
    return Image.fromarray(np.vstack(rows))


def _pixels(attribution: Tensor) -> NDArray[np.uint8]:
    values = capped_map(attribution)
    opacity = np.sqrt(abs(values) / abs(values).max())
    pixels: NDArray[np.uint8] = (ZERO + LARGEST * np.sign(values) * opacity).round().astype("uint8")
    return pixels


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures and maps.json are written")
    folder: Path = parser.parse_args().folder
    network = Network(rectgrad_zoo.load("tf_efficientnet_lite0"))
    explained = {name: explain(network, photographs()[name]) for name in PHOTOGRAPHS}
    for name, one in explained.items():
        _save(_drawn(one.picture), folder / name, QUALITY)
        _save(sprite(one.trained), folder / f"{name}-trained", QUALITY_OF_MAPS)
        _save(sprite(one.random), folder / f"{name}-random", QUALITY_OF_MAPS)
    still = _still(explained["chelsea"])
    still.savefig(folder / "still.webp", pil_kwargs={"quality": QUALITY, "method": 6})
    text = json.dumps(_numbers(explained), ensure_ascii=False, separators=(",", ":"))
    (folder / "maps.json").write_text(text, encoding="utf-8")


def _numbers(explained: dict[str, Explained]) -> dict[str, Any]:
    """What `maps.json` has: all that the page shows but pictures."""
    found = {name: similarities(one.trained, one.random) for name, one in explained.items()}
    strong, weak = (mpl.colormaps[COLOURS](share, bytes=True) for share in (STRONGEST, WEAKEST))
    return {
        "methods": [each.title for each in choose_methods([*OTHERS, "rectgrad"])],
        "percentiles": PERCENTILES,
        "reference": REFERENCE,
        "colours": [[int(part) for part in colour[:3]] for colour in (strong, weak)],
        "means": means(list(found.values())),
        "photographs": [
            {
                "name": name,
                "words": PHOTOGRAPHS[name],
                "classes": [(title, round(share, 4)) for title, share in one.classes],
                **found[name].rounded(),
            }
            for name, one in explained.items()
        ],
    }


def _still(one: Explained) -> Figure:
    """The picture for browsers without JavaScript."""
    at = {q: len(OTHERS) + PERCENTILES.index(q) for q in (20, 80, 98)}
    panels: dict[str, Tensor | str] = {f"q = {q}": one.trained[0, form] for q, form in at.items()}
    panels["another class, q = 98"] = one.trained[-1, at[98]]
    panels["random network, q = 98"] = one.random[0, at[98]]
    return plot_comparison([Row(one.picture, one.classes[0][0], panels)], overlay=True)


def _drawn(picture: NDArray[np.float32]) -> Image.Image:
    seen = Image.fromarray((picture * 255).round().astype(np.uint8))
    return seen.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _save(image: Image.Image, place: Path, quality: int) -> None:
    image.save(place.with_suffix(".webp"), quality=quality, method=6)


if __name__ == "__main__":
    _main()
