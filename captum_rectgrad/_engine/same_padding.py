"""Along which dimensions a convolution pads."""

from typing import Any

from captum_rectgrad._engine.module_calls import ModuleCall


def padded_dims(node: Any, call: ModuleCall | None) -> tuple[int, ...]:
    """Spatial dimensions along which a convolution pads its input.

    A module may pad in its own forward instead of through the convolution's argument (timm's "same"
    convolutions, `padding_mode="reflect"`): the convolution inside works on more than the module's
    input then, and its result is larger than it could be without padding. Another convolution in
    the same module (a pointwise one, say) does not pad. An operation of its own before a
    convolution (`F.pad`, `nn.ZeroPad2d`) does not count.

    Args:
        node: of the convolution.
        call: of the module it is inside of, if that may pad.

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
