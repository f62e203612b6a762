"""The command of a measurement of timm's families."""
# ruff: noqa: T201 (a command prints)

import argparse
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.timm_support.families import Member, members
from benchmarks.timm_support.table import Row


def run(
    parser: argparse.ArgumentParser,
    measure: Callable[[Member], Row],
    page: Callable[[Sequence[Row]], str],
) -> int:
    """Do what the arguments say.

    Args:
        parser: the parser, without arguments.
        measure: the measurement of a family, a function of a module.
        page: makes the page of all rows.

    Returns:
        The exit status: 1 if the page differs from the measurement, or there is no such family.
    """
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, metavar="PAGE", help="measure all and write the page")
    what.add_argument("--check", type=Path, metavar="PAGE", help="measure all and compare")
    what.add_argument("--family", metavar="NAME", help="measure one and print its row")
    arguments = parser.parse_args()
    if arguments.family:
        rows = [str(measure(m)) for m in members() if m.family == arguments.family]
        print("\n".join(rows) or f"timm has no family {arguments.family!r}")
        return 0 if rows else 1
    text = page(_all_rows(measure))
    if arguments.out:
        arguments.out.write_text(text)
        return 0
    if arguments.check.read_text() == text:
        return 0
    print(f"{arguments.check} differs from the measurement; write it again with --out")
    return 1


def _all_rows(measure: Callable[[Member], Row]) -> list[Row]:
    """The rows of all families; each in a process of one thread, one for every core."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        mp_context=context, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        return list(tqdm(pool.map(measure, members()), total=len(members()), unit="family"))
