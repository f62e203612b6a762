"""The page `docs/timm-support.md`."""

from collections.abc import Sequence

from benchmarks.timm_support import models
from benchmarks.timm_support.families import MOST_PARAMETERS
from benchmarks.timm_support.measure import PERCENTILE, PYTORCH, TOLERANCE
from benchmarks.timm_support.table import Row, table, versions

INTRODUCTION = """\
# RectGrad on timm's architectures

Made by `python -m benchmarks.timm_support --out docs/timm-support.md`, with
{versions}. A family is a module of timm that
defines models; the member with the fewest parameters stands for it, if these are {most} M or fewer,
on square inputs of the smallest size it takes (from 64 pixels, in steps of 16). It is built with
random weights (seed {seed}); parameters that timm initialises with one constant get noise on top,
so that no branch is closed; batch norms get random statistics.

"right" means all of this, for {samples} random inputs in {dtype} on the CPU, percentile
{percentile:g}, padding trick, no final threshold:

- at least one activation was thresholded, and as many of each kind as the reference meets;
- the map is finite and not all zero;
- the model is afterwards as it was: every bit of its state, its hooks, flags and gradients;
- a batch gives what its samples give one by one;
- both equal a naive reference, written apart from the package (`benchmarks/timm_support/naive.py`),
  to {tolerance:.0e} of the largest attribution.

"{pytorch}": its batch norm, in eval mode on the CPU, mixes up
the channels of a single sample where the gradient it gets is laid out channels last and its input
is not. RectGrad and the naive reference avoid that; whatever else takes the gradient of one sample
of such a model does not. The number is the largest difference between the gradient of a sample
alone and that of the same sample in a batch, as a part of the largest value.

"warns that X was differentiated normally": hooks cannot reach activations inside X, such as
`nn.LSTM`. The reference leaves them alone too.

The third column counts the activation calls that one backward pass thresholds.
"""
COLUMNS = "activations", "result"


def page(rows: Sequence[Row]) -> str:
    """All of it, the same for the same rows.

    Args:
        rows: by family.
    """
    introduction = INTRODUCTION.format(
        versions=versions(),
        most=MOST_PARAMETERS // 1_000_000,
        seed=models.SEED,
        samples=models.SAMPLES,
        dtype=str(models.DTYPE).removeprefix("torch."),
        percentile=PERCENTILE,
        tolerance=TOLERANCE,
        pytorch=PYTORCH,
    )
    return f"{introduction}\n{table(COLUMNS, rows)}"
