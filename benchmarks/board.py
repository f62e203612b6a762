"""A board by several processes of one machine: `python -m benchmarks.board --out DIR`.

Each process runs `rectgrad board` for some rows of one network in a folder of its own. All cells
are then copied into one folder per data set, and the boards are written. If the time is up, the
cells are there, and the same command continues.
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from captum_rectgrad.studies.board.groups import GROUPS
from captum_rectgrad.studies.board.rows import KEYS

_MAIN = "import sys; from captum_rectgrad.cli.main import main; sys.exit(main())"
# Rows that take longest have a process of their own, and begin first.
SLOW = (
    ("kernelshap",),
    ("lime",),
    ("occlusion",),
    ("smoothgrad", "vargrad"),
    ("integrated", "expected-gradients"),
)
REST = tuple(key for key in KEYS if not any(key in rows for rows in SLOW))


def main() -> int:
    """Run the parts, and write the boards.

    Returns:
        0; 75 if the time was up.
    """
    args = _arguments()
    parts = [(network, rows) for rows in (*SLOW, REST) for network in args.networks]
    limit = time.monotonic() + 60 * args.minutes
    run = partial(_part, args, limit)
    with ThreadPoolExecutor(args.processes) as pool:
        done = list(pool.map(run, parts))
    for kind in dict.fromkeys(GROUPS[network].kind for network in args.networks):
        together = [network for network in args.networks if GROUPS[network].kind == kind]
        folder = args.out / f"board-{kind.lower()}"
        for network, rows in parts:
            if network in together:
                _copy(_folder(args.out, network, rows), folder)
        if all(done):
            _board(args, together, KEYS, folder).check_returncode()
    return 0 if all(done) else 75


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.board", description=__doc__.partition(":")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--networks", nargs="+", default=list(GROUPS), choices=list(GROUPS))
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--cifar10", help="folder of CIFAR-10")
    parser.add_argument("--fashion-mnist", help="folder of Fashion-MNIST")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=60, help="time until parts are stopped")
    return parser.parse_args()


def _part(args: argparse.Namespace, limit: float, part: tuple[str, tuple[str, ...]]) -> bool:
    """Run a part; whether it is done."""
    network, rows = part
    left = limit - time.monotonic()
    if left <= 0:
        return False
    begun = time.monotonic()
    folder = _folder(args.out, network, rows)
    try:
        status = _board(args, [network], rows, folder, left).returncode
    except subprocess.TimeoutExpired:
        status = -1
    seconds = time.monotonic() - begun
    print(f"{network} {','.join(rows)}: status {status}, {seconds:.0f} s", flush=True)  # noqa: T201
    return status == 0


def _board(
    args: argparse.Namespace,
    networks: Sequence[str],
    rows: Sequence[str],
    folder: Path,
    seconds: float | None = None,
) -> "subprocess.CompletedProcess[bytes]":
    words = ["board", "--preset", args.preset, "--network", *networks, "--rows", ",".join(rows)]
    words += ["--device", args.device, "--out", str(folder), *_data(args, networks[0])]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.log").open("ab") as log:
        return subprocess.run(  # noqa: S603 (its own program)
            [sys.executable, "-c", _MAIN, *words],
            stdout=log,
            stderr=log,
            timeout=seconds,
            check=False,
        )


def _data(args: argparse.Namespace, network: str) -> Iterator[str]:
    given = {"CIFAR-10": args.cifar10, "Fashion-MNIST": args.fashion_mnist}
    folder = given.get(GROUPS[network].kind)
    if folder is not None:
        yield from ("--data", folder)


def _folder(out: Path, network: str, rows: Sequence[str]) -> Path:
    return out / "parts" / f"{network}-{rows[0]}"


def _copy(part: Path, folder: Path) -> None:
    """Copy the cells of a part, and what makes the folder that of a board."""
    for name in ("cells", "fine-tuned"):
        if (part / name).is_dir():
            shutil.copytree(part / name, folder / name, dirs_exist_ok=True)
    if (part / "config.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(part / "config.json", folder / "config.json")


if __name__ == "__main__":
    sys.exit(main())
