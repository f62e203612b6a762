"""The networks of the page: loaded by name, kept, each with a copy that has random weights."""

import copy
from collections import Counter, OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property, partial

from PIL import Image
from torch import Tensor, nn

import rectgrad_zoo
from captum_rectgrad.sanity.logits import logits
from captum_rectgrad.sanity.parameter_layers import parameter_layers
from captum_rectgrad.sanity.reinitialisation import reinitialise

KEPT = 2  # networks in memory, each with its copy of random weights
MAP_DIMENSIONS = 4  # (N, C, H, W)
SEED = 0


class Network:
    """A classifier with its preprocessing.

    Args:
        model: from `rectgrad_zoo.load`, in eval mode.
    """

    def __init__(self, model: nn.Module) -> None:
        """Find the preprocessing."""
        self.model = model
        self._transform = rectgrad_zoo.transform(model)

    def inputs(self, image: Image.Image) -> Tensor:
        """The model's input for a photograph, `(1, C, H, W)`."""
        return self._transform(image)[None]

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

    def classes(self, count: int) -> list[str]:
        """Names of the first `count` classes; "class INDEX" if the names are unknown."""
        return rectgrad_zoo.labels(self.model) or [f"class {index}" for index in range(count)]

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
    """

    def __init__(self, offered: Sequence[str], *, any_name: bool) -> None:
        """Keep the names."""
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
