"""Unique names of a network's classes."""

import textwrap
from collections import Counter
from functools import cache

from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset
from torch import nn

from rectgrad_zoo.configuration import check_configuration

_HINT_WIDTH = 40


def labels(model: nn.Module) -> list[str] | None:
    """Readable names of the classes, by index.

    Args:
        model: A network from `rectgrad_zoo.load` or timm.

    Returns:
        One unique name per logit; `None` if the names are not known. Names come from the network's
        configuration (`label_names`). Without them, the number of logits determines the ImageNet
        set of timm, such as ImageNet-1k.

    Raises:
        ZooError: If the names in the configuration are neither a list nor a table of names.

    Examples:
        >>> import rectgrad_zoo
        >>> rectgrad_zoo.labels(rectgrad_zoo.load("cifar10_cnn"))[:3]
        ['airplane', 'automobile', 'bird']
    """
    config = getattr(model, "pretrained_cfg", {})
    count = getattr(model, "num_classes", config.get("num_classes"))
    given = config.get("label_names")
    if given:
        names = {key: config.get(key) for key in ("label_names", "label_descriptions")}
        check_configuration(names, "The network's configuration")
        # JSON has no integer keys, so the indices of a table are strings.
        table = given if isinstance(given, dict) else dict(enumerate(given))
        descriptions = config.get("label_descriptions") or {}
        by_index = {int(index): descriptions.get(name, name) for index, name in table.items()}
        return [by_index.get(index, f"class {index}") for index in range(count or len(by_index))]
    subset = infer_imagenet_subset(model)
    return list(_imagenet_labels(subset)) if subset else None


@cache
def _imagenet_labels(subset: str) -> list[str]:
    """The first lemma of each class; a shared lemma is followed by a distinction in brackets."""
    info = ImageNetInfo(subset)
    synsets = [info.index_to_label_name(index) for index in range(info.num_classes())]
    lemmas = [info.label_name_to_description(synset).split(", ") for synset in synsets]
    hinted = [
        f"{lemma} ({others[0] if others else _definition(info, synset)})"
        for synset, (lemma, *others) in zip(synsets, lemmas, strict=True)
    ]
    exact = [f"{lemma[0]} ({synset})" for synset, lemma in zip(synsets, lemmas, strict=True)]
    return _first_distinct([lemma[0] for lemma in lemmas], hinted, exact)


def _definition(info: ImageNetInfo, synset: str) -> str:
    definition = info.label_name_to_description(synset, detailed=True).split(": ", 1)[1]
    return textwrap.shorten(definition.split(";")[0], _HINT_WIDTH, placeholder=" ...")


def _first_distinct(*spellings: list[str]) -> list[str]:
    """For each class, its first spelling that is unique, ignoring case."""
    counts = [Counter(name.casefold() for name in spelling) for spelling in spellings]
    last = len(spellings) - 1
    return [
        next(
            name
            for level, name in enumerate(names)
            if counts[level][name.casefold()] == 1 or level == last
        )
        for names in zip(*spellings, strict=True)
    ]
