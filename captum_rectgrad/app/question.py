"""What a user of the page asks, checked: a browser can send anything."""

from collections.abc import Sequence
from dataclasses import dataclass

from captum_rectgrad.evaluation.methods import Method, choose_methods, methods

DEFAULT_METHODS = ("rectgrad", "saliency")
DEFAULT_PERCENTILE = 98.0
PREDICTED = "predicted"
INPUT = "input"


@dataclass(frozen=True)
class Question:
    """The settings of the page.

    Attributes:
        model: name of the network.
        target: index of the class to explain as text, or `PREDICTED`.
        percentile: RectGrad's q, in [0, 100].
        layer: name of a layer for a further row of maps, or `INPUT` for none.
        methods: keys of the methods to compare; see `captum_rectgrad.evaluation.methods`.
        another_class: whether to compare with the maps of another class.
        randomised: whether to compare with the maps of the network with random weights.
        overlay: whether to draw the maps over the photograph in grey.
    """

    model: str
    target: str = PREDICTED
    percentile: float = DEFAULT_PERCENTILE
    layer: str = INPUT
    methods: Sequence[str] = DEFAULT_METHODS
    another_class: bool = True
    randomised: bool = True
    overlay: bool = False

    def chosen_methods(self) -> tuple[Method, ...]:
        """The methods to compare, in the order of `offered_methods`.

        Raises:
            ValueError: no method is chosen, one is unknown, or the percentile is out of range.
        """
        offered = [key for key, _ in offered_methods()]
        # `choose_methods` imports MODULE:NAME, which a browser must not be able to ask for.
        unknown = [key for key in self.methods if key not in offered]
        if unknown or not self.methods:
            raise ValueError(
                f"got the methods {list(self.methods)}; choose at least one of "
                f"{', '.join(sorted(offered))}"
            )
        chosen = [key for key in offered if key in self.methods]
        return choose_methods(chosen, self.percentile)

    def target_index(self, classes: int) -> int | None:
        """Index of the class to explain; None for the predicted class.

        Args:
            classes: number of the network's classes.

        Raises:
            ValueError: the network has no such class.
        """
        if self.target == PREDICTED:
            return None
        if not self.target.isdecimal() or int(self.target) >= classes:
            raise ValueError(
                f"the network has no class {self.target!r}; it has classes 0 to {classes - 1}"
            )
        return int(self.target)


def offered_methods() -> list[tuple[str, str]]:
    """Keys and titles of the methods that the page offers; RectGrad is the first."""
    offered = [(method.key, method.title) for method in methods() if not method.control]
    return sorted(offered, key=lambda method: method[0] != "rectgrad")
