"""Padded dimensions of convolutions."""

from typing import Any

from captum_rectgrad._engine.module_calls import ModuleCall


def padded_dims(node: Any, call: ModuleCall | None) -> tuple[int, ...]:
    """Spatial dimensions along which a convolution pads its input.

    A module may pad in its forward() instead of using the convolution's argument (timm's "same"
    convolutions, `padding_mode="reflect"`). In this case, the input of the convolution is larger
    than that of the module, and its output is larger than without padding. Other convolutions in
    the same module, for example pointwise ones, do not pad. Separate padding operations (`F.pad`,
    `nn.ZeroPad2d`) do not count.

    Args:
        node: node of the convolution.
        call: call of the surrounding module, if the module may pad.

    Returns:
        Dimensions counted from the end, such as `(-2, -1)`.
    """
    padding = tuple(node._saved_padding)
    count = len(padding)
    padded = {i - count for i, size in enumerate(padding) if size > 0}
    if call is not None and isinstance(call.module.kernel_size, tuple):
        kernel = call.module.kernel_size
        into, out = call.operand.shape, node._input_metadata[0].shape
        before, number = node.next_functions[0]
        worked_on = into if before is None else before._input_metadata[number].shape
        for i, (size, dilation, stride) in enumerate(
            zip(kernel, node._saved_dilation, node._saved_stride, strict=True)
        ):
            span = dilation * (size - 1) + 1
            is_larger = worked_on[i - count] > into[i - count]
            if is_larger and out[i - count] > (into[i - count] - span) // stride + 1:
                padded.add(i - count)
    return tuple(sorted(padded))
