"""A generated data set: shapes on textures, ten classes, 32 x 32 pixels, with exact masks.

It replaces CIFAR-10 where that is not available. The class is the shape. Its position, size, angle
and colour, and the background texture, are random and independent of the class.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from captum_rectgrad.studies.data.study_data import MaskedImages

SIDE = 32
SHAPE_CLASSES = (
    "disk",
    "square",
    "triangle",
    "plus",
    "star",
    "ring",
    "crescent",
    "frame",
    "bars",
    "arrow",
)
_RADIUS = (7.0, 11.0)  # radius of the circle around a shape, in pixels
_CONTRAST = 70  # least difference between the colour of a shape and the texture's mean, in levels

Points = list[tuple[float, float]]


def shapes(count: int, seed: int) -> MaskedImages:
    """Generate images with alternating classes.

    Args:
        count: number of images, at least 1.
        seed: seed of all random numbers.

    Returns:
        Images of 32 x 32 with labels 0 to 9, in the order of `SHAPE_CLASSES`, and masks. The
        pixels outside a mask do not depend on the shape. The pixels inside are of one colour,
        which differs from the texture's mean.
    """
    drawn = [_one(number % len(SHAPE_CLASSES), [seed, number]) for number in range(count)]
    images, masks = (np.stack(part) for part in zip(*drawn, strict=True))
    return MaskedImages(
        images=torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(),
        labels=torch.arange(count) % len(SHAPE_CLASSES),
        masks=torch.from_numpy(masks),
    )


def _one(label: int, seed: list[int]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    generator = np.random.default_rng(seed)
    mask = _mask(SHAPE_CLASSES[label], generator)
    texture = _texture(generator)
    colour = _colour_unlike(texture.mean((0, 1)), generator)
    grain = generator.normal(0, 8, (SIDE, SIDE, 3))
    pixels = np.where(mask[..., None], colour + grain, texture)
    return pixels.clip(0, 255).astype(np.uint8), mask


def _texture(generator: np.random.Generator) -> NDArray[np.float64]:
    """Stripes of a random direction and width, or blotches, between two random colours."""
    y, x = np.mgrid[:SIDE, :SIDE]
    if generator.random() < 0.5:  # noqa: PLR2004 (one half)
        angle, period = generator.uniform(0, math.pi), generator.uniform(4, 12)
        phase = generator.uniform(0, 2 * math.pi)
        wave = np.sin(2 * math.pi * (x * np.cos(angle) + y * np.sin(angle)) / period + phase)
    else:
        coarse = Image.fromarray(generator.normal(size=(6, 6)).astype(np.float32))
        wave = np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    share = 1 / (1 + np.exp(-2 * wave))[..., None]
    first, second = generator.uniform(0, 255, (2, 3))
    result: NDArray[np.float64] = (
        share * first + (1 - share) * second + generator.normal(0, 8, (SIDE, SIDE, 3))
    )
    return result


def _colour_unlike(
    mean: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    while True:
        colour: NDArray[np.float64] = generator.uniform(0, 255, 3)
        if np.abs(colour - mean).max() > _CONTRAST:
            return colour


def _mask(name: str, generator: np.random.Generator) -> NDArray[np.bool_]:
    radius = generator.uniform(*_RADIUS)
    centre = generator.uniform(radius, SIDE - 1 - radius, 2)
    # The tilt is small, so that the direction of bars and arrow is unambiguous.
    angle = generator.uniform(-math.pi / 10, math.pi / 10)

    def place(points: Points) -> Points:
        cos, sin = math.cos(angle) * radius, math.sin(angle) * radius
        return [(centre[0] + cos * x - sin * y, centre[1] + sin * x + cos * y) for x, y in points]

    canvas = Image.new("1", (SIDE, SIDE))
    draw = ImageDraw.Draw(canvas)
    for points, filled in _outline(name):
        draw.polygon(place(points), fill=int(filled))
    return np.array(canvas, dtype=bool)


def _outline(name: str) -> list[tuple[Points, bool]]:
    """A shape within the unit circle, as polygons to fill or cut out, in order."""
    outlines: dict[str, list[tuple[Points, bool]]] = {
        "disk": [(_circle(0.85), True)],
        "square": [(_box(-0.7, -0.7, 0.7, 0.7), True)],
        "triangle": [([(0, -0.95), (0.9, 0.75), (-0.9, 0.75)], True)],
        "plus": [(_box(-0.28, -0.95, 0.28, 0.95), True), (_box(-0.95, -0.28, 0.95, 0.28), True)],
        "star": [(_star(), True)],
        "ring": [(_circle(0.95), True), (_circle(0.5), False)],
        "crescent": [(_circle(0.95), True), (_circle(0.75, x=0.45), False)],
        "frame": [(_box(-0.75, -0.75, 0.75, 0.75), True), (_box(-0.4, -0.4, 0.4, 0.4), False)],
        "bars": [(_box(-0.8, -0.75, -0.3, 0.75), True), (_box(0.3, -0.75, 0.8, 0.75), True)],
        "arrow": [
            ([(0, -0.95), (0.8, 0), (-0.8, 0)], True),
            (_box(-0.25, -0.05, 0.25, 0.9), True),
        ],
    }
    return outlines[name]


def _box(left: float, top: float, right: float, bottom: float) -> Points:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _circle(radius: float, x: float = 0.0) -> Points:
    angles = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    return [(x + radius * math.cos(angle), radius * math.sin(angle)) for angle in angles]


def _star() -> Points:
    corners = [(math.pi * (k / 5 - 0.5), 1.0 if k % 2 == 0 else 0.42) for k in range(10)]
    return [(radius * math.cos(angle), radius * math.sin(angle)) for angle, radius in corners]
