"""The page `docs/onnx-support.md`."""

from collections.abc import Sequence

from benchmarks.onnx_support.measure import MOST_PARAMETERS, PERCENTILE
from benchmarks.timm_support import models
from benchmarks.timm_support.table import Row, table, versions
from captum_rectgrad.export.check import LARGEST_GAP, TOLERANCE
from captum_rectgrad.export.graph_writer import OPSET

INTRODUCTION = """\
# timm's architectures as ONNX files

Made by `python -m benchmarks.onnx_support --out docs/onnx-support.md`, with
{versions}. [Ship a map with your model](how-to/ship-a-map-with-your-model.md) describes the files.
A family is a module of timm that defines models. The member with the fewest parameters stands for
it, if these are {most:g} M or fewer, with random weights and square inputs, as in
[RectGrad on timm's architectures](timm-support.md).

"exported" means: RectGrad at percentile {percentile:g} was written with operators of opset {opset},
and onnxruntime gave the maps of PyTorch for {samples} random images in float32. Differences are at
most {tolerance:g} of the largest value of a map. If rounding changes the selection of a unit at a
threshold, the differences of a map sum up to at most {gap:.0%} of its values; the table counts
these maps. "refused" names the operators that have no translation, or the reason.

"""


def page(rows: Sequence[Row]) -> str:
    """The whole page, the same for the same rows.

    Args:
        rows: by family.
    """
    text = INTRODUCTION.format(
        versions=versions(),
        most=MOST_PARAMETERS / 1e6,
        percentile=PERCENTILE,
        opset=OPSET,
        samples=models.SAMPLES,
        tolerance=TOLERANCE,
        gap=LARGEST_GAP,
    )
    return text + table(["result"], rows)
