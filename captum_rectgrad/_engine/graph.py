"""The part of an autograd graph that lies between outputs and what they are differentiated by."""

from collections.abc import Collection, Iterable, Sequence

from torch import Tensor
from torch.autograd.graph import Node


def nodes_between(outputs: Iterable[Node | None], inputs: Collection[Node]) -> list[Node]:
    """The nodes on the way from some nodes back to others.

    Args:
        outputs: where the backward pass begins.
        inputs: where it ends.

    Returns:
        All nodes from which one of `inputs` is reached, themselves included, each after the nodes
        that its gradients go to: in the order of the forward pass.
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
    """The nodes of embeddings of some inputs: integers have no gradient, so a graph begins there.

    Args:
        output: where the backward pass begins.
        tokens: what the model was called with, `(N, ...)`; floating point tensors are ignored.
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
