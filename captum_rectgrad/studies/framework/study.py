"""A study: a function from a configuration and a context to a result, with its description."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from captum_rectgrad.studies.framework.context import IMAGES, NETWORKS, StudyContext
from captum_rectgrad.studies.framework.result import Result
from captum_rectgrad.studies.options import Preset, Role

ConfigT = TypeVar("ConfigT")
# Which values of a measure are better.
Better: TypeAlias = Literal["lower", "higher"]
KIM, NIE = "Kim et al. 2019", "Nie et al. 2018"


@dataclass(frozen=True)
class Study(Generic[ConfigT]):
    """A study and its description.

    Attributes:
        name: name on the command line.
        shows: the paper's figure or table.
        asks: the question, in a few words.
        run: the study.
        presets: its configuration at each size; `full` is the paper's.
        minutes: duration of each preset on CIFAR-10 on two CPU cores, from `result.json`, to a
            tenth; None: not measured.
        paper: the paper of the figure or table.
        images: names of the images that it uses, as in `StudyContext.used`.
        roles: roles of the networks that it uses.
        compares: whether it compares the chosen methods; other studies have fixed methods.
        one_network: whether it uses the first network of a role only.
        any_network: whether it only needs test images without labels and one trained network, of
            any input size and range.
        better: by measure, a column of the rows, which values are better; only for measures that
            compare methods with each other.
    """

    name: str
    shows: str
    asks: str
    run: Callable[[ConfigT, StudyContext], Result]
    presets: Mapping[Preset, ConfigT]
    minutes: Mapping[Preset, float | None]
    paper: str = KIM
    images: tuple[str, ...] = (IMAGES["test"],)
    roles: tuple[Role, ...] = ("plain",)
    compares: bool = False
    one_network: bool = False
    any_network: bool = False
    better: Mapping[str, Better] = field(default_factory=dict)

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the images and networks that it uses, as in `StudyContext.used`."""
        return (*self.images, *(NETWORKS[role] for role in self.roles))


@dataclass(frozen=True)
class ImagesConfig:
    """The configuration of a study whose only option is its size.

    Attributes:
        images: number of test images; None: all.
    """

    images: int | None = None


AnyStudy = Study[Any]
