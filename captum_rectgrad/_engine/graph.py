"""The part of an autograd graph between outputs and inputs."""

from collections.abc import Collection, Iterable, Sequence

from torch import Tensor
from torch.autograd.graph import Node


def nodes_between(outputs: Iterable[Node | None], inputs: Collection[Node]) -> list[Node]:
    """The nodes between outputs and inputs.

    Args:
        outputs: first nodes of the backward pass.
        inputs: last nodes of the backward pass.

    Returns:
        All nodes with a path to `inputs`, including `inputs`, in the order of the forward pass.
    """
    found: list[Node] = []
    following: dict[Node, list[Node]] = {}
    reaches: dict[Node, bool] = {}
    waiting = [node for node in outputs if node is not None]
    while waiting:
        node = waiting[-1]
        if node not in following:
            children = following[node] = []
            for child, _ in node.next_functions:
                if child is not None:
                    children.append(child)
                    if child not in following:
                        waiting.append(child)
            continue
        waiting.pop()
        if node not in reaches:
            reached = node in inputs
            for child in following[node]:
                reached = reached or reaches[child]
            reaches[node] = reached
            if reached:
                found.append(node)
    return found


def embeddings_of(output: Node | None, tokens: Sequence[Tensor]) -> list[Node]:
    """The embedding nodes of integer inputs, where the graph starts.

    Args:
        output: first node of the backward pass.
        tokens: inputs of the model, `(N, ...)`; floating point tensors are ignored.
    """
    indices = {t.data_ptr(): t.shape for t in tokens if not t.is_floating_point()}
    if not indices or output is None:
        return []
    found, waiting, seen = [], [output], {output}
    while waiting:
        node = waiting.pop()
        saved = getattr(node, "_saved_indices", None) if "Embedding" in node.name() else None
        if isinstance(saved, Tensor) and indices.get(saved.data_ptr()) == saved.shape:
            found.append(node)
        children = {child for child, _ in node.next_functions if child is not None} - seen
        seen |= children
        waiting.extend(children)
    return found
