"""Names of activations, including functions."""

from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.autograd.graph import Node

# Names of the saved weights of nodes.
_WEIGHTS = ("_saved_weight", "_saved_mat2", "_saved_self", "_saved_other")


class LayerNames:
    """Names activations by the preceding layer with weights.

    Names of modules are not sufficient: an `nn.ReLU` may be called several times, and `F.relu` is
    not a module. The graph contains the weights of the preceding layer.

    Args:
        model: model with the names of parameters.
        hooked: nodes of the calls of activations, from the output to the input, and names of the
            equivalent module classes.
    """

    def __init__(self, model: nn.Module, hooked: Sequence[tuple[Node, str]]) -> None:
        self._model = model
        self._hooked = hooked
        self._names: dict[Node, str] = {}

    @property
    def kinds(self) -> dict[Node, str]:
        """Names of the module classes, by node."""
        return dict(self._hooked)

    def of(self, node: Node) -> str:
        """The name of one call of an activation, such as `ReLU after 'layer1.0.bn1'`.

        Equal names are numbered in the order of the forward pass.
        """
        if not self._names:
            self.read()
        return self._names[node]

    def read(self) -> None:
        """Find all names. Frozen weights can be found before the backward pass only."""
        layers = _Layers(self._model)
        nodes = [node for node, _ in reversed(self._hooked)]
        names = []
        for node, kind in reversed(self._hooked):
            layer = layers.before(node)
            names.append(f"{kind} after {layer!r}" if layer else kind)
        self._names = dict(zip(nodes, _numbered(names), strict=True))


class _Layers:
    """Finds the layer that a node of the graph belongs to."""

    def __init__(self, model: nn.Module) -> None:
        self._by_parameter: dict[int, str] = {}
        self._by_memory: dict[int, str] = {}
        for name, parameter in model.named_parameters():
            layer = name.rpartition(".")[0]
            self._by_parameter[id(parameter)] = layer
            self._by_memory[parameter.data_ptr()] = layer

    def before(self, node: Node) -> str:
        """The nearest layer with weights, or `""`."""
        waiting: deque[Any] = deque([node])
        seen = {node}
        while waiting:
            children = [child for child, _ in waiting.popleft().next_functions if child is not None]
            for child in children:
                found = self._of(child)
                if found:
                    return found
            new = [child for child in children if child not in seen]
            seen.update(new)
            waiting.extend(new)
        return ""

    def _of(self, node: Any) -> str:
        variable = getattr(node, "variable", None)
        if variable is not None:
            return self._by_parameter.get(id(variable), "")
        for attribute in _WEIGHTS:
            try:
                tensor = getattr(node, attribute, None)
            except RuntimeError:  # freed by the backward pass, or changed in place since
                continue
            if isinstance(tensor, Tensor) and tensor.data_ptr() in self._by_memory:
                return self._by_memory[tensor.data_ptr()]
        return ""


def _numbered(names: list[str]) -> list[str]:
    """The names, with numbers appended to repeated names."""
    counts = Counter(names)
    used: Counter[str] = Counter()
    result = []
    for name in names:
        used[name] += 1
        result.append(f"{name} ({used[name]})" if counts[name] > 1 else name)
    return result
