"""`python -m benchmarks.hard_cases`: measure, then print, write or check the page of the docs."""

import argparse
import difflib
import sys
import warnings
from pathlib import Path

from tqdm import tqdm

from benchmarks.hard_cases.methods import METHODS
from benchmarks.hard_cases.page import GROUPS, page
from benchmarks.hard_cases.versions import OF_THE_PAGE, OLDER, as_with_the_older, is_older


def main() -> int:
    """Run the command.

    Returns:
        The exit status: 1 where `--check` found a difference, 2 where a peer is missing.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hard_cases", description=__doc__)
    parser.add_argument("--out", type=Path, help="the page; without, it is printed")
    parser.add_argument("--check", action="store_true", help="compare with the page, write nothing")
    arguments = parser.parse_args()
    if arguments.check and not arguments.out:
        parser.error("--check compares with the page: name it with --out")
    missing = [method.package for method in METHODS if not method.installed]
    if missing:
        parser.error(f"not installed: {', '.join(missing)}; pip install 'captum-rectgrad[peers]'")
    if arguments.out and not arguments.check and is_older():
        parser.error(f"the page is of zennit {OF_THE_PAGE}; with {OLDER} add --check")
    text = _measured()
    if arguments.check:
        return _differs(arguments.out, text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


def _measured() -> str:
    cases = sum(map(len, GROUPS.values()))
    # PyTorch's and the peers' own, of what they deprecate and of the hooks they set.
    with tqdm(total=cases, disable=None) as bar, warnings.catch_warnings():
        warnings.simplefilter("ignore")

        def report(name: str) -> None:
            bar.set_description(name)
            bar.update()

        return page(report)


def _differs(path: Path, text: str) -> int:
    recorded = path.read_text(encoding="utf-8")
    if is_older():
        recorded = as_with_the_older(recorded)
    difference = difflib.unified_diff(
        recorded.splitlines(), text.splitlines(), str(path), "measured", lineterm=""
    )
    lines = list(difference)
    print("\n".join(lines))
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
