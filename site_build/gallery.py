"""The gallery of README.md: `python -m site_build.gallery` draws its six pictures, offline.

They go to `docs/images/gallery`. Two of the networks are trained here, and a third gets a new last
layer (`gallery_networks.py`). `docs/gallery.md` shows the code between the marks.
"""

import copy

import matplotlib.pyplot as plt
import numpy as np
import skimage.data
import torch
from matplotlib.figure import Figure
from PIL import Image

import rectgrad_zoo
from captum_rectgrad import RectGrad, show
from captum_rectgrad.explain.classes import class_index
from captum_rectgrad.explain.preprocessing import picture
from captum_rectgrad.plotting.images import photographs
from captum_rectgrad.plotting.maps import Row, plot_comparison
from captum_rectgrad.studies.data.shapes import shapes
from captum_rectgrad.targets import SegmentationMask
from site_build.gallery_networks import (
    LABELS,
    faces,
    fine_tuned,
    segmentation,
    small_input,
    vision_transformer,
)
from site_build.pages import ROOT

FOLDER = ROOT / "docs" / "images" / "gallery"


# --8<-- [start:failure]
def failure() -> Figure:
    """The same map for another class, and with a random last layer."""
    model = rectgrad_zoo.load("tf_efficientnet_lite0")
    image = rectgrad_zoo.transform(model)(Image.fromarray(skimage.data.chelsea()))[None]
    ignorant = copy.deepcopy(model)
    torch.manual_seed(0)
    ignorant.get_submodule("classifier").reset_parameters()  # type: ignore[operator]
    cat, car = (class_index(model, name) for name in ("tiger cat", "sports car"))
    maps = {
        "for sports car": RectGrad(model).attribute(image, target=car)[0],
        "last layer random": RectGrad(ignorant).attribute(image, target=cat)[0],
    }
    return plot_comparison([Row(picture(model, image[0]), "tiger cat", maps)], overlay=True)


# --8<-- [end:failure]


# --8<-- [start:segmentation]
def of_segmentation() -> Figure:
    """The region that the network finds, and the map of its mean logit."""
    model, unseen = segmentation(), shapes(10, seed=2)
    x = unseen.images[4:5] / 127.5 - 1  # a star
    found = model(x).argmax(dim=1)
    attribution = RectGrad(model).attribute(x, target=SegmentationMask(1))[0]
    panels = {"segmentation": found[0].double(), "RectGrad": attribution}
    seen = unseen.images[4].permute(1, 2, 0) / 255
    return plot_comparison([Row(seen, "generated star", panels)])


# --8<-- [end:segmentation]


# --8<-- [start:faces]
def of_faces() -> dict[str, Figure]:
    """Two networks that tell faces from other pictures, trained on 160 of scikit-image's 200."""
    pictures, classes = faces()
    training = [number for number in range(len(pictures)) if number % 5]
    learnt = [pictures[number] for number in training], classes[training]
    transformer, head = vision_transformer(*learnt), fine_tuned(*learnt)
    unseen = pictures[5]
    return {
        "transformer": show(transformer, unseen, transform=small_input, labels=LABELS),
        "fine-tuned": show(head, skimage.data.astronaut(), labels=LABELS, overlay=True),
    }


# --8<-- [end:faces]


def _main() -> None:
    model = rectgrad_zoo.load("tf_efficientnet_lite0")
    figures = {
        "animal": show(model, skimage.data.chelsea(), overlay=True),
        "object": show(model, np.asarray(photographs()["coffee"]), overlay=True),
        "segmentation": of_segmentation(),
        "failure": failure(),
        **of_faces(),
    }
    FOLDER.mkdir(exist_ok=True)
    for name, figure in figures.items():
        file = FOLDER / f"{name}.png"
        figure.savefig(file)
        drawn = Image.open(file).convert("RGB")
        # 256 colours: noise, such as saliency maps, takes a third of the bytes then.
        drawn.quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
    plt.close("all")


if __name__ == "__main__":
    _main()
