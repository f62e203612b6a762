"""`python -m benchmarks.onnx_support`: export a member of each family and write the page."""

import argparse
import sys
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.onnx_support.measure import measure
from benchmarks.onnx_support.page import line, page
from benchmarks.timm_support.families import members


def main() -> int:
    """Do what the arguments say.

    Returns:
        The exit status: 1 if the page differs from the measurement, or there is no such family.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.onnx_support", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, metavar="PAGE", help="measure all and write the page")
    what.add_argument("--check", type=Path, metavar="PAGE", help="measure all and compare")
    what.add_argument("--family", metavar="NAME", help="measure one and print its row")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.family:
        rows = [line(measure(m)) for m in members() if m.family == arguments.family]
        print("\n".join(rows) or f"timm has no family {arguments.family!r}")
        return 0 if rows else 1
    text = page([measure(member) for member in tqdm(members(), unit="family")])
    if arguments.out:
        arguments.out.write_text(text)
        return 0
    if arguments.check.read_text() == text:
        return 0
    print(f"{arguments.check} differs from the measurement; write it again with --out")
    return 1


if __name__ == "__main__":
    sys.exit(main())
