"""`python -m benchmarks.timm_support`: measure the families and write the page."""

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.timm_support.families import choose, members
from benchmarks.timm_support.measure import Row, measure
from benchmarks.timm_support.page import line, page


def measure_all() -> list[Row]:
    """The rows of all families, by family; each in a process of one thread, one for every core."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        mp_context=context, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        return list(tqdm(pool.map(measure, members()), total=len(members()), unit="family"))


def main() -> int:
    """Do what the arguments say.

    Returns:
        The exit status: 1 where the page is not what was measured.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timm_support", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, metavar="PAGE", help="measure all and write the page")
    what.add_argument("--check", type=Path, metavar="PAGE", help="measure all and compare")
    what.add_argument("--family", metavar="NAME", help="measure one and print its row")
    what.add_argument(
        "--choose", action="store_true", help="make the table of smallest members once more"
    )
    arguments = parser.parse_args()
    if arguments.choose:
        choose()
        return 0
    if arguments.family:
        rows = [line(measure(m)) for m in members() if m.family == arguments.family]
        print("\n".join(rows) or f"timm has no family {arguments.family!r}")
        return 0 if rows else 1
    text = page(measure_all())
    if arguments.out:
        arguments.out.write_text(text)
        return 0
    if arguments.check.read_text() == text:
        return 0
    print(f"{arguments.check} is not what was measured; make it again with --out")
    return 1


if __name__ == "__main__":
    sys.exit(main())
