"""The networks of the playground: `python -m site_build.playground_networks FOLDER` exports them.

Each network has one file of weights in half precision, and for each method a graph that reads its
weights from that file. `networks.json` describes the networks, the files and the pictures.
"""

import argparse
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import torch
from PIL import Image, ImageOps
from timm.data.config import resolve_model_data_config
from torch import nn

import rectgrad_zoo
from captum_rectgrad import GuidedBackprop, RectGrad, RectGradPRR, Saliency, export_onnx
from captum_rectgrad.app.networks import Network
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.export.half_weights import rounded
from captum_rectgrad.plotting.images import photographs
from captum_rectgrad.plotting.single_map import COLOURS, STRONGEST, WEAKEST
from site_build.external_weights import external_weights
from site_build.pages import ROOT

# Names in `captum_rectgrad.plotting.images.photographs`, and what one sees.
PICTURES = {
    "chelsea": "a cat's face",
    "coffee": "a cup of espresso",
    "rocket": "a rocket between two towers",
    "motorcycle": "a motorcycle in a garage",
    "camera": "a man with a camera on a tripod",
    "astronaut": "an astronaut beside a flag",
}
THUMBNAIL = 112  # pixels


@dataclass(frozen=True)
class Column:
    """A method of the playground.

    Attributes:
        title: name on the page.
        method: the class that computes its maps.
        options: arguments of the class.
    """

    title: str
    method: type[ModifiedGradient]
    options: dict[str, Any]


COLUMNS = {
    "gradient": Column("Gradient", Saliency, {"abs": False}),
    "guided": Column("Guided backpropagation", GuidedBackprop, {}),
    "rectgrad": Column("RectGrad", RectGrad, {}),
    "prr": Column("RectGrad PRR", RectGradPRR, {}),
}


@dataclass(frozen=True)
class Offered:
    """A network of the playground.

    Attributes:
        source: name or folder of the checkpoint, for `rectgrad_zoo.load`.
        title: name on the page; empty for a network that only serves as a control.
        control: the network that its maps are compared with.
        control_title: what the control is.
        random: whether all weights are drawn at random.
    """

    source: str
    title: str
    control: str = ""
    control_title: str = "random network"
    random: bool = False


UNTRAINED = "cifar10_cnn_untrained"
CIFAR, LITE0 = "cifar10_cnn", "tf_efficientnet_lite0"
RANDOM = f"{LITE0}_random"
NETWORKS = {
    CIFAR: Offered(CIFAR, "CNN, 10 classes of CIFAR-10", UNTRAINED),
    "cifar10_cnn_occluded": Offered(
        "cifar10_cnn_occluded", "CNN, CIFAR-10 behind a patch of noise", UNTRAINED
    ),
    UNTRAINED: Offered(
        str(ROOT / "zoo" / "hub" / UNTRAINED), "CNN, untrained", CIFAR, "trained network"
    ),
    LITE0: Offered(LITE0, "EfficientNet-Lite0, 1000 classes of ImageNet", RANDOM),
    RANDOM: Offered(LITE0, "", random=True),
}


def network(name: str) -> nn.Module:
    """A network of the playground, with weights rounded to half precision.

    Args:
        name: a key of `NETWORKS`.

    Returns:
        The model in float32, in eval mode.
    """
    offered = NETWORKS[name]
    loaded = rectgrad_zoo.load(offered.source)
    return rounded(Network(loaded).randomised if offered.random else loaded)


def export(name: str, model: nn.Module, folder: Path) -> dict[str, Any]:
    """Write the files of a network.

    Args:
        name: beginning of the names of the files.
        model: the network.
        folder: where the files are written.

    Returns:
        By `weights` and the keys of `COLUMNS`, the file, its number of bytes, and of a graph the
        names of the layers and the default percentile.
    """
    size = network_size(model)
    weights = folder / f"{name}.weights"
    described: dict[str, Any] = {}
    for key, column in COLUMNS.items():
        written = export_onnx(
            model,
            torch.zeros(1, 3, *size),
            folder / "whole.onnx",
            column.method,
            dynamic=(),
            half=True,
            **column.options,
        )
        graph = external_weights(written.path, weights)
        written.path.unlink()
        file = folder / f"{name}-{key}.onnx.gz"
        file.write_bytes(gzip.compress(graph, mtime=0))
        described[key] = {
            **_file(file),
            "layers": written.layers,
            "percentile": "percentile" in written.inputs,
        }
    return {"weights": _file(weights), **described}


def network_size(model: nn.Module) -> tuple[int, int]:
    """Height and width of the input of a network."""
    height, width = rectgrad_zoo.transform(model)(photographs()["coffee"]).shape[1:]
    return height, width


def describe(name: str, model: nn.Module, files: dict[str, Any]) -> dict[str, Any]:
    """What the page has to know of a network.

    Args:
        name: a key of `NETWORKS`.
        model: the network.
        files: the result of `export`.

    Returns:
        Values for JSON.
    """
    offered = NETWORKS[name]
    config = preprocessing(model)
    height, _ = network_size(model)
    found = Network(model)
    return {
        "title": offered.title,
        "control": offered.control,
        "controlTitle": offered.control_title,
        "side": height,
        "resizedTo": int(height / config["crop_pct"]),
        "mean": list(config["mean"]),
        "std": list(config["std"]),
        "labels": list(found.classes(model(torch.zeros(1, 3, height, height)).shape[1])),
        "files": files,
    }


def preprocessing(model: nn.Module) -> dict[str, Any]:
    """The preprocessing of a network.

    Args:
        model: a network of timm.

    Returns:
        timm's data configuration.

    Raises:
        ValueError: the page does not have this preprocessing.
    """
    config: dict[str, Any] = resolve_model_data_config(model)
    found = config["interpolation"], config["crop_mode"]
    if found != ("bicubic", "center"):
        raise ValueError(
            f"got {found} as preprocessing, expected bicubic and center; add it to "
            "playground/preprocessing.js"
        )
    return config


def _file(path: Path) -> dict[str, Any]:
    return {"file": path.name, "bytes": path.stat().st_size}


def write(names: Sequence[str], folder: Path) -> None:
    """Write the files of networks, the pictures and `networks.json`.

    Args:
        names: keys of `NETWORKS`.
        folder: where they are written.
    """
    described = {}
    for name in names:
        model = network(name)
        described[name] = describe(name, model, export(name, model, folder))
    for picture in PICTURES:
        _save_picture(picture, folder)
    strong, weak = (mpl.colormaps[COLOURS](share, bytes=True) for share in (STRONGEST, WEAKEST))
    content = {
        "networks": described,
        "methods": {key: column.title for key, column in COLUMNS.items()},
        "pictures": PICTURES,
        "colours": [[int(part) for part in colour[:3]] for colour in (strong, weak)],
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    (folder / "networks.json").write_text(text, encoding="utf-8")


def _save_picture(name: str, folder: Path) -> None:
    """A picture without loss, as a prediction can depend on it, and a small one for the choice."""
    picture = photographs()[name]
    picture.save(folder / f"{name}.webp", lossless=True, method=6)
    small = ImageOps.fit(picture, (THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    small.save(folder / f"{name}-small.webp", quality=75, method=6)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the files are written")
    write(list(NETWORKS), parser.parse_args().folder)


if __name__ == "__main__":
    _main()
