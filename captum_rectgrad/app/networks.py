"""The networks of the page: loaded by name, kept, each with a copy that has random weights."""

import copy
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

import rectgrad_zoo
from captum_rectgrad.explain.classes import class_names
from captum_rectgrad.explain.explanation import fitting_names
from captum_rectgrad.explain.preprocessing import model_input, picture
from captum_rectgrad.sanity.logits import logits
from captum_rectgrad.sanity.parameter_layers import parameter_layers
from captum_rectgrad.sanity.reinitialisation import reinitialise

KEPT = 2  # networks in memory, each with its copy of random weights
MAP_DIMENSIONS = 4  # (N, C, H, W)
SEED = 0


class Network:
    """A classifier with its preprocessing.

    Args:
        model: in eval mode.
        transform: as `given` of `captum_rectgrad.explain.preprocessing.find_transform`.
        labels: names of the classes; None: those of the model or of the transform.
    """

    def __init__(
        self, model: nn.Module, transform: Any = None, labels: Sequence[str] | None = None
    ) -> None:
        """Find the names of the classes."""
        self.model = model
        self._transform = transform
        self._labels = class_names(model, labels, transform)
        self._given = labels is not None

    def check(self) -> None:
        """Check the network before there is a photograph.

        Raises:
            ValueError: it is not a classifier of photographs, or has not one name per class.
        """
        self.classes(len(self.probabilities(self._blank)))

    def inputs(self, image: Image.Image) -> Tensor:
        """The model's input for a photograph, `(1, C, H, W)`."""
        return model_input(self.model, image, self._transform)

    def picture(self, x: Tensor) -> NDArray[np.float32]:
        """An input of the model, `(1, C, H, W)`, as an image `(H, W, 3)` in [0, 1]."""
        return picture(self.model, x[0], self._transform)

    def probabilities(self, x: Tensor) -> Tensor:
        """Probabilities of the classes.

        Args:
            x: one input of the model, `(1, C, H, W)`.

        Returns:
            `(classes,)`, in [0, 1].

        Raises:
            ValueError: the output is not of shape `(1, classes)`.
        """
        return logits(self.model, x)[0].float().softmax(dim=0)

    def classes(self, count: int) -> Sequence[str]:
        """Names of the `count` classes; "class INDEX" if the names are unknown."""
        names = fitting_names(self._labels, count, given=self._given)
        return names or [f"class {index}" for index in range(count)]

    @cached_property
    def layers(self) -> list[str]:
        """Names of the modules with a map as their output, called once per forward pass.

        A map has the shape `(N, C, H, W)` with more than one position. Layers of tokens are left
        out: their positions have no place in the photograph.
        """
        calls: Counter[str] = Counter()
        maps: set[str] = set()
        with ExitStack() as hooks:
            for name, module in self.model.named_modules():
                if name:
                    hook = partial(_note, name, calls, maps)
                    hooks.callback(module.register_forward_hook(hook).remove)
            logits(self.model, self._blank)
        return [name for name in calls if calls[name] == 1 and name in maps]

    @cached_property
    def randomised(self) -> nn.Module:
        """A copy of the model with random weights in all layers."""
        copied = copy.deepcopy(self.model)
        reinitialise(copied, parameter_layers(copied, self._blank), SEED)
        return copied

    @property
    def _blank(self) -> Tensor:
        return self.inputs(Image.new("RGB", (64, 64)))


class Networks:
    """Networks by name; the last used ones stay in memory.

    Args:
        offered: names that the page lists, at least one; the first is the default.
        any_name: whether every other name that `rectgrad_zoo.load` accepts is accepted, too. On a
            public address it must be False: names can be paths of this machine, and weights on the
            Hub of any size.
        own: those of the offered that are loaded already, by name; they stay in memory.
    """

    def __init__(
        self,
        offered: Sequence[str],
        *,
        any_name: bool,
        own: Mapping[str, Network] | None = None,
    ) -> None:
        """Keep the names."""
        self._own = own or {}
        self.offered = tuple(offered)
        self.any_name = any_name
        self._loaded: OrderedDict[str, Network] = OrderedDict()

    def get(self, name: str) -> Network:
        """Load a network, or return the loaded one.

        Args:
            name: as for `rectgrad_zoo.load`.

        Raises:
            ValueError: the name is unknown, or not offered.
            ZooError: the weights cannot be loaded.
        """
        if name not in self.offered and not self.any_name:
            raise ValueError(
                f"the model {name!r} is not offered here; choose one of {', '.join(self.offered)}"
            )
        if name in self._own:
            return self._own[name]
        if name not in self._loaded:
            # First forget, then load: at no time are more than KEPT networks in memory.
            while len(self._loaded) >= KEPT:
                self._loaded.popitem(last=False)
            self._loaded[name] = Network(rectgrad_zoo.load(name))
        self._loaded.move_to_end(name)
        return self._loaded[name]


def _note(
    name: str, calls: Counter[str], maps: set[str], _: nn.Module, __: object, output: object
) -> None:
    """A forward hook: count the call, and note the name of a module that returns a map."""
    calls[name] += 1
    if isinstance(output, Tensor) and output.ndim == MAP_DIMENSIONS and output[0, 0].numel() > 1:
        maps.add(name)
