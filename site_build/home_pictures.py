"""The pictures of the home page: `python -m site_build.home_pictures` draws them, offline.

They go to `docs/images/home`: for each of three photographs the photograph, Saliency and RectGrad,
and the figure that the code of the page ends in.
"""

import io

import matplotlib.pyplot as plt
import numpy as np
import skimage.data
from matplotlib.figure import Figure
from PIL import Image

import rectgrad_zoo
from captum_rectgrad import RectGrad, Saliency, show
from captum_rectgrad.explain.preprocessing import picture
from captum_rectgrad.plotting.images import photographs
from captum_rectgrad.plotting.single_map import plot_map
from site_build.pages import DOCS

FOLDER = DOCS / "images" / "home"
SIDE = 448  # pixels: two for each of the network's, so that maps are sharp on dense screens
QUALITY = 70


def _main() -> None:
    FOLDER.mkdir(exist_ok=True)
    model = rectgrad_zoo.load("tf_efficientnet_lite0")
    photos = {
        "cat": Image.fromarray(skimage.data.chelsea()),
        "espresso": photographs()["coffee"],
        "rocket": photographs()["rocket"],
    }
    for name, photo in photos.items():
        x = rectgrad_zoo.transform(model)(photo)[None]
        shown = picture(model, x[0])
        target = int(model(x).argmax())
        seen = Image.fromarray((np.clip(np.asarray(shown), 0, 1) * 255).round().astype(np.uint8))
        _save(seen.resize((SIDE, SIDE), Image.Resampling.LANCZOS), f"{name}-photo")
        maps = {
            "saliency": Saliency(model).attribute(x, target=target, abs=False)[0],
            "rectgrad": RectGrad(model).attribute(x, target=target)[0],
        }
        for title, attribution in maps.items():
            figure = plt.figure(figsize=(SIDE / 100, SIDE / 100), dpi=100)
            axes = figure.add_axes((0, 0, 1, 1))
            plot_map(attribution, axes, over=shown)
            axes.set_axis_off()
            _save(_drawn(figure), f"{name}-{title}")
    _save(_drawn(show(model, skimage.data.coffee(), overlay=True)), "result")
    plt.close("all")


def _drawn(figure: Figure) -> Image.Image:
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi="figure")
    return Image.open(written).convert("RGB")


def _save(image: Image.Image, name: str) -> None:
    image.save(FOLDER / f"{name}.webp", quality=QUALITY, method=6)


if __name__ == "__main__":
    _main()
