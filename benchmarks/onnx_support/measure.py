"""One family of timm: the export of its smallest member, compared with PyTorch."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.timm_support import models
from benchmarks.timm_support.families import Member
from benchmarks.timm_support.table import Row
from captum_rectgrad import export_onnx
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.export.check import check_onnx
from captum_rectgrad.export.onnx_export import Dynamic
from captum_rectgrad.export.operators import UnsupportedOperatorError

MOST_PARAMETERS = 4_000_000
PERCENTILE = 80.0
# The most that is tried comes first; other sizes are not, which take two more recordings.
CHOICES: Sequence[tuple[Dynamic, ...]] = (("batch",), ())


def measure(member: Member) -> Row:
    """Export a member with random weights, and compare two random images with PyTorch.

    Args:
        member: as `families.members` gives it.
    """
    if member.parameters > MOST_PARAMETERS:
        return Row(member, ("not measured: no small member",))
    try:
        return Row(member, (_result(member),))
    except Exception as error:  # noqa: BLE001 (an error of the export is a result)
        return Row(member, (f"wrong: {type(error).__name__}: {str(error)[:100]}",))


def _result(member: Member) -> str:
    model = models.build(member.model, member.size).float()
    x = models.images(model, member.size).float()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "map.onnx"
        try:
            free = _export(model, x, file)
        except UnsupportedOperatorError as error:
            return f"refused: {', '.join(f'`{name}`' for name in error.operators)}"
        except RectGradError as error:
            return f"refused: {str(error).partition(';')[0]}"
        found = check_onnx(file, model, x, percentiles=(PERCENTILE,))
    if found.failure is not None:
        return f"wrong: {found.failure}"
    images = "any number of images" if free else "one image at a time"
    far = int(found.deviating.sum())
    aside = f"; other units at a threshold in {far} of {len(x)} maps" if far else ""
    return f"exported: {images}{aside}"


def _export(model: torch.nn.Module, x: torch.Tensor, file: Path) -> tuple[Dynamic, ...]:
    try:
        return export_onnx(model, x[:1], file, percentile=PERCENTILE, dynamic=CHOICES[0]).dynamic
    except UnsupportedOperatorError:
        raise
    except RectGradError:
        return export_onnx(model, x[:1], file, percentile=PERCENTILE, dynamic=CHOICES[1]).dynamic
