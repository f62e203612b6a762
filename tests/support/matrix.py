"""The numeric tests on other instruction sets and with other numbers of threads.

The order in which PyTorch and oneDNN add terms depends on the instructions of the CPU and on the
number of threads. Each run changes one setting, so a failure names its cause.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[2]
# In ascending order, as `torch.backends.cpu.get_cpu_capability` names them on x86.
LEVELS = ("DEFAULT", "AVX2", "AVX512")
# What a CPU must have for a setting.
SETTINGS = {
    "ATEN_CPU_CAPABILITY=default": None,
    "ATEN_CPU_CAPABILITY=avx2": "AVX2",
    "ATEN_CPU_CAPABILITY=avx512": "AVX512",
    "ONEDNN_MAX_CPU_ISA=SSE41": "DEFAULT",
    "ONEDNN_MAX_CPU_ISA=AVX2": "AVX2",
    "ONEDNN_MAX_CPU_ISA=AVX512_CORE": "AVX512",
    "OMP_NUM_THREADS=1": None,
    "OMP_NUM_THREADS=3": None,
}
VARIABLES = {setting.partition("=")[0] for setting in SETTINGS}
PATHS = [
    f"tests/{folder}"
    for folder in ("captum_rectgrad", "captum_conformance", "integration", "benchmarks")
] + ["tests/rectgrad_zoo", "--ignore-glob=*/rectgrad_zoo/test_hub*"]
OPTIONS = ["--quiet", "--numprocesses=auto", "--dist=loadfile", "-o", "junit_family=xunit1"]
MARKS = ["-m", "not slow and not data and not exhaustive and not site"]


@dataclass(frozen=True)
class Run:
    """The outcome of the tests with one setting: `failed` names tests."""

    setting: str
    passed: int
    failed: Sequence[str]
    seconds: float


def is_available(setting: str, level: str) -> bool:
    """Whether a CPU whose instruction set is `level` can have a setting."""
    needed = SETTINGS.get(setting)
    if needed is None:
        return True
    return level in LEVELS and LEVELS.index(needed) <= LEVELS.index(level)


def capability(environment: Mapping[str, str]) -> str:
    """The instruction set that PyTorch chooses on this CPU."""
    command = [sys.executable, "-c", "import torch; print(torch.backends.cpu.get_cpu_capability())"]
    return subprocess.check_output(command, env=environment, text=True).strip()


def run(setting: str, paths: Sequence[str], environment: Mapping[str, str]) -> Run:
    """Run tests with one setting, in a process of their own."""
    name, _, value = setting.partition("=")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *OPTIONS, *MARKS, f"--junitxml={report}", *paths],
            cwd=ROOT,
            env={**environment, name: value},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        # pytest wrote the report, so it is trusted.
        cases = list(ET.parse(report).iter("testcase")) if report.exists() else []  # noqa: S314
    failed = [
        f"{case.get('file')}::{case.get('name')}"
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    ]
    if done.returncode and not failed:
        failed = [done.stdout]  # pytest itself failed
    passed = sum(len(case) == 0 for case in cases)
    return Run(setting, passed, failed, time.monotonic() - started)


def main() -> int:
    """Print the table; the exit status is 1 if a test failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", help="arguments of pytest; default: the numeric tests")
    parser.add_argument(
        "--setting", action="append", metavar="NAME=VALUE", help="repeatable; default: all"
    )
    chosen = parser.parse_args()
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    # Threads that wait must not take the cores of those that work. This changes no result.
    environment["OMP_WAIT_POLICY"] = "PASSIVE"
    level = capability(environment)
    runs: list[Run] = []
    print(f"{'setting':<32}{'passed':>8}{'failed':>8}{'seconds':>9}", flush=True)
    for setting in chosen.setting or SETTINGS:
        if is_available(setting, level):
            one = run(setting, chosen.paths or PATHS, environment)
            runs.append(one)
            counts = f"{one.passed:>8}{len(one.failed):>8}{one.seconds:>9.0f}"
            print(f"{setting:<32}{counts}", flush=True)
        else:
            print(f"{setting:<32}left out: PyTorch reports {level} for this CPU", flush=True)
    for one in runs:
        for test in one.failed:
            print(f"{one.setting}: {test}")
    return int(any(one.failed for one in runs))


if __name__ == "__main__":
    sys.exit(main())
