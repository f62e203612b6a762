"""The list of `rectgrad reproduce --list`."""
# ruff: noqa: T201 (a command prints)

import textwrap

from captum_rectgrad.studies.framework.registry import studies
from captum_rectgrad.studies.framework.study import AnyStudy

WIDTH = 100


def print_studies() -> None:
    """Print each study in a few lines of at most 100 characters."""
    print("Minutes are for CIFAR-10 on two CPU cores, where they were measured.")
    for study in studies():
        print(f"\n{study.name}: {study.shows}")
        for text in (study.asks, f"needs: {_needs(study)}", f"minutes: {_minutes(study)}"):
            print(textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="    "))


def _needs(study: AnyStudy) -> str:
    return ", ".join(study.needs) + (" or any (--model)" if study.any_network else "")


def _minutes(study: AnyStudy) -> str:
    measured = {preset: time for preset, time in study.minutes.items() if time is not None}
    return ", ".join(f"{preset} {_time(time)}" for preset, time in measured.items())


def _time(minutes: float) -> str:
    return f"{minutes:g}" if minutes else "< 0.1"
