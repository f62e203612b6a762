"""A study: a function from a small configuration to a result, and what is to be known before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.result import Result
from captum_rectgrad.studies.options import Preset, Role

ConfigT = TypeVar("ConfigT")
KIM, NIE = "Kim et al. 2019", "Nie et al. 2018"


@dataclass(frozen=True)
class Study(Generic[ConfigT]):
    """A row of the table of studies.

    Attributes:
        name: on the command line.
        shows: the paper's figure or table.
        asks: what is found out, in a few words.
        needs: what of the data it uses, in words.
        run: the study.
        presets: its configuration at each size; `full` is the paper's.
        minutes: how long each takes on CIFAR-10 on two CPU cores, as `result.json` records it, to a
            tenth; None: not measured.
        paper: whose figure or table it is.
        roles: of the networks that it looks at.
        compares: whether it compares the methods that are chosen; others have their own.
        any_network: whether it asks for no more than test images without labels and a network that
            is trained, of any size and input range.
    """

    name: str
    shows: str
    asks: str
    needs: str
    run: Callable[[ConfigT, StudyContext], Result]
    presets: Mapping[Preset, ConfigT]
    minutes: Mapping[Preset, float | None]
    paper: str = KIM
    roles: tuple[Role, ...] = ("plain",)
    compares: bool = False
    any_network: bool = False


@dataclass(frozen=True)
class ImagesConfig:
    """The configuration of a study that has nothing to choose but its size.

    Attributes:
        images: number of test images; None: all.
    """

    images: int | None = None


AnyStudy = Study[Any]
