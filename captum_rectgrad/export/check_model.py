"""What is checked in a model and its example before the export."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from captum_rectgrad._engine.attribution import AttributionRequest
from captum_rectgrad._engine.forward_inputs import ForwardInputs
from captum_rectgrad._engine.outputs import select_output
from captum_rectgrad._engine.settings import Settings
from captum_rectgrad._engine.validation import check_inputs, read_target
from captum_rectgrad.errors import RectGradError

_LOGITS_DIMS = 2


def check_eval_mode(model: nn.Module) -> None:
    """Refuse a model of which a part is in training mode.

    Args:
        model: the model.

    Raises:
        ValueError: it names the part.
    """
    for name, module in model.named_modules():
        if module.training:
            part = f"its module {name!r}" if name else "the model"
            raise ValueError(
                f"{part} ({type(module).__name__}) is in training mode, expected eval mode; call "
                "model.eval() before the export"
            )


def check_example(model: nn.Module, example: Tensor, settings: Settings) -> None:
    """Check the type of the model and its example, and the batch dimension.

    Args:
        model: model in eval mode.
        example: input `(N, ...)`.
        settings: settings of the method.

    Raises:
        RectGradError: the model or the example is not float32 on the CPU.
        TypeError: the example is no floating point tensor.
        ValueError: the example has no batch dimension, or is not finite.
    """
    check_inputs((example,))
    read_target((example,), None)
    tensors = [example, *model.parameters(), *model.buffers()]
    wrong = {f"{t.dtype} on {t.device}" for t in tensors if t.is_floating_point()}
    if wrong != {"torch.float32 on cpu"}:
        raise RectGradError(
            f"the export needs a model and an example in float32 on the CPU, got "
            f"{', '.join(sorted(wrong))}; call model.float().cpu()"
        )
    if not _has_logits(model, example, settings) and _has_logits(model, example[None], settings):
        raise ValueError(
            f"got an example of shape {tuple(example.shape)} without batch dimension, expected "
            f"{tuple(example[None].shape)}; pass example[None]"
        )


def _has_logits(model: nn.Module, example: Tensor, settings: Settings) -> bool:
    """Whether the model returns logits of each sample."""
    try:
        with torch.no_grad():
            logits = select_output(model(example.clone()), settings.output)
    except Exception:  # noqa: BLE001 (a model may raise anything; the recording reports it)
        return False
    return logits.dim() == _LOGITS_DIMS and len(logits) == len(example)


def doubts(model: nn.Module, settings: Settings, example: Tensor) -> list[str]:
    """The warnings of an ordinary attribution, without those about the values of the example.

    Args:
        model: model in eval mode.
        settings: settings of the method.
        example: input `(N, ...)`.
    """
    x = example[:1].detach().clone()
    with torch.no_grad():
        target = select_output(model(x.clone()), settings.output).argmax(1)
    call = ForwardInputs((x,), target, (), target.tolist())
    found = AttributionRequest(model, settings).attributions(call).diagnostics
    general = replace(found, all_zero=(), not_finite=())
    return general.messages(settings.rule, settings.activations)
