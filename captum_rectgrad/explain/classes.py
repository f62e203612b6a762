"""Classes by name and by index."""

import difflib
from collections.abc import Sequence
from typing import Any

from torch import nn

import rectgrad_zoo

NEAREST = 5


def class_names(
    model: nn.Module, labels: Sequence[str] | None = None, transform: Any = None
) -> list[str] | None:
    """Names of the classes, by index.

    Args:
        model: any classifier.
        labels: the names; None: those of the model.
        transform: a weights enum member of torchvision, which has names; anything else has none.

    Returns:
        The names, from the first of these that has them: `labels`, `transform`, the configuration
        of a model of rectgrad_zoo or timm, that of a model of transformers. None if none has.
    """
    if labels is not None:
        return list(labels)
    meta = getattr(transform, "meta", None)
    if isinstance(meta, dict) and "categories" in meta:
        return list(meta["categories"])
    if getattr(model, "pretrained_cfg", None):
        return rectgrad_zoo.labels(model)
    names = getattr(getattr(model, "config", None), "id2label", None) or {}
    # The default names of transformers, without information.
    if all(name == f"LABEL_{index}" for index, name in names.items()):
        return None
    return [names.get(index, f"class {index}") for index in range(max(names) + 1)]


def class_name(model: nn.Module, index: int) -> str:
    """Name of the class with this index; "class INDEX" if the model's class names are unknown."""
    labels = class_names(model)
    return labels[index] if labels else f"class {index}"


def class_index(model: nn.Module, name: str) -> int:
    """Index of a class given by index or by name (case is ignored).

    Args:
        model: from `rectgrad_zoo.load`.
        name: `"282"`, `"tiger cat"`, or a part of a name that no other class has.

    Raises:
        ValueError: no class, or more than one, matches; the error lists the nearest names.
    """
    labels = class_names(model) or []
    return find_class(name, labels, len(labels) or getattr(model, "num_classes", None))


def find_class(name: str, labels: Sequence[str], count: int | None) -> int:
    """Index of a class given by index or by name (case is ignored).

    Args:
        name: as in `class_index`.
        labels: names of the classes; empty if they are not known.
        count: number of classes; None if it is not known.

    Raises:
        ValueError: as in `class_index`.
    """
    if name.lstrip("-").isdigit():
        if count is not None and not 0 <= int(name) < count:
            raise ValueError(
                f"class {name} is out of range: the model has classes 0 to {count - 1}"
            )
        return int(name)
    folded = [label.casefold() for label in labels]
    wanted = name.casefold().strip()
    if wanted in folded:
        return folded.index(wanted)
    parts = [label for label in folded if wanted and wanted in label]
    if len(parts) == 1:
        return folded.index(parts[0])
    near = parts or difflib.get_close_matches(wanted, folded, n=NEAREST, cutoff=0.5)
    shown = ", ".join(repr(labels[folded.index(label)]) for label in near[:NEAREST])
    what = "more than one class is" if parts else "no class is"
    if shown:
        hint = f"nearest names: {shown}"
    elif labels:
        hint = f"the model has {count} classes, such as {labels[0]!r} and {labels[-1]!r}"
    else:
        hint = "the model's classes have no names; give an index"
    raise ValueError(f"{what} called {name!r}; {hint}")
