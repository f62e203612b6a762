"""The networks that a page offers, loaded by name and kept."""

from collections import OrderedDict
from collections.abc import Sequence

import rectgrad_zoo
from captum_rectgrad.app.network import Network

KEPT = 2  # networks in memory, each with its copy of random weights


class Networks:
    """Networks by name; the last used ones stay in memory.

    Args:
        offered: names that the page lists, at least one; the first is the default.
        any_name: whether every other name that `rectgrad_zoo.load` accepts is accepted, too. On a
            public address it must be False: names can be paths of this machine.
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
