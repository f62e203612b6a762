"""An attribution map as an ONNX file, which runs without PyTorch."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from captum_rectgrad._engine.diagnostics import warn
from captum_rectgrad._engine.wrappers import unwrapped
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.attr.rectgrad import RectGrad
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.export.check_model import check_eval_mode, check_example, doubts
from captum_rectgrad.export.method_settings import method_settings

Dynamic = Literal["batch", "size"]


@dataclass(frozen=True)
class OnnxExport:
    """What `export_onnx` wrote.

    Attributes:
        path: the file.
        bytes: its size.
        inputs: names of its inputs; a method without a percentile has none.
        outputs: names of its outputs.
        dynamic: `"batch"`, if the number of images is free; `"size"`, if height and width are.
        layers: names of the activations in the order of `shares`, from the output to the input.
        nodes: number of nodes of the graph.
    """

    path: Path
    bytes: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dynamic: tuple[Dynamic, ...]
    layers: tuple[str, ...]
    nodes: int


def export_onnx(
    model: nn.Module,
    example: Tensor,
    path: str | Path,
    method: type[ModifiedGradient] = RectGrad,
    *,
    dynamic: Collection[Dynamic] | None = None,
    labels: Sequence[str] | None = None,
    half: bool = False,
    **options: Any,
) -> OnnxExport:
    """Write the map of a method as an ONNX file: forward pass, thresholds and backward pass.

    The graph is recorded from the engine itself. It has standard operators of opset 18 and the
    model's weights once, in float32. Inputs: `image` `(N, C, H, W)`; `class` `(N,)`, int64, with -1
    for the predicted class; `percentile` `(1,)`, float64, in [0, 100]. Outputs: `logits`
    `(N, classes)`; `map`, of the shape of `image`; `shares` `(N, layers)`, the share of the units
    that passed, in [0, 1]. A method without a percentile lacks that input, a method without a rule
    lacks `shares`. A class out of range is an error of the runtime. The metadata of the file names
    the method, its settings, the checkpoint with its SHA-256, the classes, the preprocessing and
    the layers.

    It needs the extra `onnx`.

    Args:
        model: classifier in eval mode, float32, on the CPU.
        example: an input of the model `(N, C, H, W)`, which determines the size of the images.
        path: file to write.
        method: the method, a class of this package such as `RectGradPRR` or `GuidedBackprop`.
        dynamic: dimensions of the input that must be free, `"batch"` and `"size"`. None for those
            that the model allows.
        labels: names of the classes; None for those of the model.
        half: store the weights in float16, in half the space. The file then has the map of the
            model with rounded weights; it computes in float32.
        **options: arguments of the method, such as `percentile`, which is stored as the default of
            the file, and `padding_trick`; of `Saliency` also `abs`.

    Returns:
        The names of inputs, outputs and layers, and the size of the file.

    Raises:
        RectGradError: an operator of the model has no translation, the model cannot have a free
            dimension, or the package onnx is not installed.
        TypeError: `method` is no class of this package, or as in the method.
        ValueError: the model is in training mode, the example has no batch dimension, or as in the
            method.

    Warns:
        RectGradWarning: what `attribute` says about the model and the method, such as that no
            activation was found.

    Examples:
        >>> import rectgrad_zoo, tempfile, torch
        >>> from captum_rectgrad import export_onnx
        >>> model = rectgrad_zoo.load("cifar10_cnn")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = export_onnx(model, torch.zeros(1, 3, 32, 32), f"{folder}/map.onnx")
        >>> written.dynamic
        ('batch',)
    """
    check_onnx_installed()
    # These import onnx, or packages that the methods do without.
    from captum_rectgrad.export.attribution_graph import attribution_graph  # noqa: PLC0415
    from captum_rectgrad.export.half_weights import rounded, store_half  # noqa: PLC0415
    from captum_rectgrad.export.metadata import add_metadata  # noqa: PLC0415
    from rectgrad_zoo.written_whole import write_bytes  # noqa: PLC0415

    given = unwrapped(model)
    model = rounded(given) if half else given
    settings = method_settings(model, method, options)
    check_eval_mode(model)
    check_example(model, example, settings)
    traced, found, free = attribution_graph(model, settings, example, dynamic)
    warn(doubts(model, settings, example), stacklevel=2)
    add_metadata(found, given, method.__name__, settings, traced.layers, labels, half=half)
    if half:
        store_half(found)
    content: bytes = found.SerializeToString()
    write_bytes(Path(path), content)
    return OnnxExport(
        Path(path),
        len(content),
        tuple(value.name for value in found.graph.input),
        tuple(value.name for value in found.graph.output),
        free,
        tuple(traced.layers),
        len(found.graph.node),
    )


def check_onnx_installed() -> None:
    """Refuse to continue without the package onnx.

    Raises:
        RectGradError: it is not installed.
    """
    try:
        import onnx  # noqa: F401, PLC0415 (an extra)
    except ImportError as error:
        raise RectGradError(
            "the export needs the package onnx; install it with pip install 'captum-rectgrad[onnx]'"
        ) from error
