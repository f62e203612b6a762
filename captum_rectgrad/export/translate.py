"""The translation of a recorded graph to ONNX, one operation after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import onnx
import torch
from onnx import helper
from torch import Tensor, fx

from captum_rectgrad.export.graph_writer import OPSET, TYPES, Dims, GraphWriter, Value
from captum_rectgrad.export.operators import TRANSLATIONS, Translation, UnsupportedOperatorError
from captum_rectgrad.export.operators.shapes import reshaped, select_scatter, with_border
from captum_rectgrad.export.sizes import Operation, Size

IR_VERSION = 9  # of ONNX 1.15, the first with opset 20
# Views of all elements in their order.
_RESHAPES = {"view", "_unsafe_view", "alias", "unsqueeze", "squeeze", "detach", "as_strided"}
_INDICES_OF = "max_pool2d_with_indices", "max_pool3d_with_indices"


def check_operators(graph: fx.GraphModule) -> None:
    """Refuse a graph with operators that have no translation.

    Raises:
        UnsupportedOperatorError: it names all of them.
    """
    missing = {
        str(node.target)
        for node in graph.graph.nodes
        if node.op == "call_function" and _is_operator(node) and _translation(node) is None
    }
    if missing:
        raise UnsupportedOperatorError(sorted(missing))


def translate(
    graph: fx.GraphModule,
    operations: Sequence[Operation],
    inputs: Sequence[str],
    outputs: Sequence[str],
    names: Mapping[int, str],
) -> onnx.ModelProto:
    """Translate a graph.

    Args:
        graph: the first recording.
        operations: its operations.
        inputs: names of the inputs.
        outputs: names of the outputs.
        names: names of the model's constants, by their address.

    Returns:
        The model, checked by `onnx.checker`.

    Raises:
        UnsupportedOperatorError: an operation has no translation.
        UnknownSizeError: a number depends on the inputs in an unknown way.
    """
    translator = _Translator(graph, inputs, names)
    translator.writer.taken.update(inputs, outputs)
    for operation in operations:
        translator.run(operation)
    return translator.model(outputs)


def _is_operator(node: fx.Node) -> bool:
    return hasattr(node.target, "_schema")


def _name(node: fx.Node) -> str:
    """The name of an operator, without namespace and overload."""
    schema: Any = getattr(node.target, "_schema", None)
    return schema.name.rpartition("::")[2] if schema is not None else ""


def _translation(node: fx.Node) -> Translation | None:
    name = _name(node)
    return TRANSLATIONS.get(name) or TRANSLATIONS.get(name.removesuffix("_"))


class _Translator:
    def __init__(
        self, graph: fx.GraphModule, inputs: Sequence[str], names: Mapping[int, str]
    ) -> None:
        self.writer = GraphWriter()
        self.graph, self.names = graph, names
        self.free_names = list(inputs)
        self.values: dict[fx.Node, Any] = {}
        self.order = {node: i for i, node in enumerate(graph.graph.nodes)}
        self.inputs: list[Value] = []
        self.results: list[Value] = []

    def run(self, operation: Operation) -> None:
        node = operation.node
        if node.op == "placeholder":
            value = Value(self.free_names.pop(0), operation.shapes[0], node.meta["val"].dtype)
            self.inputs.append(value)
            self.writer.note_sizes(value)
            self.values[node] = value
        elif node.op == "get_attr":
            self.values[node] = self._constant(getattr(self.graph, str(node.target)))
        elif node.op == "output":
            self.results = [self._plain(self.values[result]) for result in operation.args[0]]
        elif not _is_operator(node):  # getitem
            source, index = operation.args
            self.values[node] = self.values[source][index]
        else:
            self._call(operation)

    def _constant(self, tensor: Tensor) -> Value:
        tensor = tensor.detach().cpu()
        name = self.writer.constant(tensor.numpy(), None, self.names.get(tensor.data_ptr(), ""))
        return Value(name, tuple(tensor.shape), tensor.dtype, constant=tensor)

    def _call(self, operation: Operation) -> None:
        node, name = operation.node, _name(operation.node)
        translation = _translation(node)
        if translation is None:
            raise UnsupportedOperatorError([str(node.target)])
        if (
            name == "zero_"
            and isinstance(node.args[0], fx.Node)
            and _name(node.args[0]) == "select"
        ):
            self._zero_part(node, node.args[0])
            return
        changes_input = name.endswith("_") and name not in TRANSLATIONS
        changed = self._changed(node) if changes_input else []
        self._check_indices(node, name)
        self.writer.result = list(zip(operation.shapes, _types(node), strict=True))
        self.writer.in_order = _is_in_order(node)
        resolve = self._value if name == "select_scatter" else self._plain_value
        args = [resolve(argument) for argument in operation.args]
        keywords = {key: resolve(value) for key, value in operation.kwargs.items()}
        found = translation(self.writer, *args, **keywords)
        if isinstance(found, list):
            results = [
                self._noted(part, *result)
                for part, result in zip(found, _padded(self.writer.result, found), strict=True)
            ]
            self.values[node] = results
            return
        self.values[node] = self._noted(found, *self.writer.result[0])
        for source in changed:
            shape = self.values[source].shape
            name = reshaped(self.writer, self.values[node].name, shape)
            self.values[source] = replace(self.values[node], name=name, shape=shape)

    def _zero_part(self, node: fx.Node, view: fx.Node) -> None:
        """Set one element along a dimension to zero, as the padding trick does."""
        source: Any = view.args[0]
        self._check_others(node, [source])
        if node.users:
            raise UnsupportedOperatorError([f"{node.target} in place on a view"])
        whole, part = self.values[source], self.values[view]
        zeros = replace(part, zero=True)
        self.values[source] = select_scatter(self.writer, whole, zeros, *view.args[1:])

    def _noted(self, found: Any, shape: Dims, dtype: torch.dtype) -> Value | None:
        if found is None:
            return None
        value = found if isinstance(found, Value) else Value(found, shape, dtype)
        value = replace(value, shape=shape, dtype=dtype)
        self.writer.note_sizes(value)
        return value

    def _value(self, argument: Any) -> Any:
        if isinstance(argument, fx.Node):
            return self.values[argument]
        if isinstance(argument, list | tuple):
            return [self._value(part) for part in argument]
        return argument

    def _plain_value(self, argument: Any) -> Any:
        if isinstance(argument, fx.Node):
            return self._plain(self.values[argument])
        if isinstance(argument, list | tuple):
            return [self._plain_value(part) for part in argument]
        return argument

    def _plain(self, value: Any) -> Any:
        return with_border(self.writer, value) if isinstance(value, Value) else value

    def _changed(self, node: fx.Node) -> list[fx.Node]:
        """The tensors that an in-place operation changes: its input, and what that is a view of.

        Raises:
            UnsupportedOperatorError: it changes a part of a tensor, or another tensor that shares
                the memory is used afterwards.
        """
        source: Any = node.args[0]
        found = [source]
        while _name(source) in _RESHAPES and _elements(source) == _elements(source.args[0]):
            source = source.args[0]
            found.append(source)
        is_view = _memory_of(source) is not None and not _name(source).endswith("_")
        if is_view:
            raise UnsupportedOperatorError([f"{node.target} in place on a view"])
        self._check_others(node, found)
        return found

    def _check_others(self, node: fx.Node, changed: Sequence[fx.Node]) -> None:
        """Refuse an in-place operation if a tensor that shares its memory has a stale value."""
        for other in _sharing_memory(changed[0]) - set(changed):
            is_earlier = self.order[other] < self.order[node]
            if is_earlier and any(self.order[user] > self.order[node] for user in other.users):
                raise UnsupportedOperatorError([f"{node.target} in place on a view"])

    def _check_indices(self, node: fx.Node, name: str) -> None:
        """Refuse the use of a pooling's indices outside its gradient: ONNX counts otherwise."""
        if name.endswith("with_indices_backward"):
            return
        if any(isinstance(each, fx.Node) and _are_indices(each) for each in node.args):
            raise UnsupportedOperatorError([f"{node.target} of a pooling's indices"])

    def model(self, outputs: Sequence[str]) -> onnx.ModelProto:
        """The ONNX model, without nodes that no output needs."""
        outputs = list(outputs[: len(self.results)])
        nodes = list(self.writer.nodes)
        for value, name in zip(self.results, outputs, strict=True):
            nodes.append(helper.make_node("Identity", [value.name], [name]))
        nodes = _needed(nodes, outputs)
        used = {name for node in nodes for name in node.input}
        labels = self._labels()
        graph = helper.make_graph(
            nodes,
            "attribution",
            [_info(value.name, value, labels) for value in self.inputs if value.name in used],
            [_info(n, value, labels) for n, value in zip(outputs, self.results, strict=True)],
            [tensor for name, tensor in self.writer.constants.items() if name in used],
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model

    def _labels(self) -> dict[Size, str]:
        """Names of the sizes of the image that a user chooses."""
        image = self.inputs[0].shape
        names = ("batch", "channels", "height", "width")
        return {
            size: names[i] if i < len(names) else f"size_{i}"
            for i, size in reversed(list(enumerate(image)))
            if isinstance(size, Size)
        }


def _memory_of(node: fx.Node) -> fx.Node | None:
    """The tensor whose memory a result shares: that of a view or of an in-place operation."""
    if node.op != "call_function" or not node.args or not isinstance(node.args[0], fx.Node):
        return None
    first = node.args[0]
    if not _is_operator(node):  # getitem, of the parts of a split among others
        return first if _memory_of(first) is not None else None
    schema: Any = getattr(node.target, "_schema", None)
    is_shared = schema.arguments[0].alias_info is not None or _name(node) in _RESHAPES
    return first if is_shared else None


def _sharing_memory(node: fx.Node) -> set[fx.Node]:
    """The tensors that share memory with a tensor, and itself."""
    owner = node
    while (base := _memory_of(owner)) is not None:
        owner = base
    found, new = {owner}, [owner]
    while new:
        tensor = new.pop()
        views = [user for user in tensor.users if _memory_of(user) is tensor]
        found.update(views)
        new.extend(views)
    return found


def _are_indices(node: fx.Node) -> bool:
    """Whether a value is the second result of a max-pooling."""
    if node.op != "call_function" or _is_operator(node):
        return False
    source, index = node.args
    return isinstance(source, fx.Node) and _name(source) in _INDICES_OF and bool(index == 1)


def _elements(node: fx.Node) -> int:
    return int(node.meta["val"].numel())


def _is_in_order(node: fx.Node) -> bool:
    first = node.args[0] if node.args else None
    value = first.meta.get("val") if isinstance(first, fx.Node) else None
    return isinstance(value, Tensor) and value.is_contiguous()


def _types(node: fx.Node) -> list[torch.dtype]:
    value = node.meta["val"]
    parts = value if isinstance(value, list | tuple) else [value]
    return [part.dtype for part in parts if isinstance(part, Tensor)]


def _padded(results: list[tuple[Dims, torch.dtype]], found: list[Any]) -> list[Any]:
    """The results, with entries for gradients that were not requested."""
    return results + [((), torch.float32)] * (len(found) - len(results))


def _needed(nodes: Sequence[onnx.NodeProto], outputs: Sequence[str]) -> list[onnx.NodeProto]:
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]


def _info(name: str, value: Value, labels: Mapping[Size, str]) -> onnx.ValueInfoProto:
    dims = [labels.get(n) if isinstance(n, Size) else n for n in value.shape]
    return helper.make_tensor_value_info(name, TYPES[value.dtype], dims)
