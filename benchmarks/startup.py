"""`python -m benchmarks.startup`: how long an import, `--help` and a completion take.

Every call is a fresh process, in rounds in which each runs once; medians of the rounds count. The
seconds are the processor's, of user and system: those of the clock say what else the machine does.
"""
# ruff: noqa: T201 (a command prints)

import argparse
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

GOAL = 0.3  # seconds that the methods may add to Captum
_COMMAND = "import sys; from captum_rectgrad.cli.main import main; sys.exit(main())"


@dataclass(frozen=True)
class Call:
    """A process that is timed.

    Attributes:
        code: what Python runs.
        arguments: of the command.
        line: that the shell wants completed, if it does.
    """

    code: str
    arguments: tuple[str, ...] = ()
    line: str | None = field(default=None)

    def seconds(self) -> float:
        """Run it.

        Returns:
            How long a processor was busy with it.
        """
        environment = dict(os.environ)
        if self.line is not None:
            environment |= {
                "_ARGCOMPLETE": "1",
                "_ARGCOMPLETE_STDOUT_FILENAME": os.devnull,
                "COMP_LINE": self.line,
                "COMP_POINT": str(len(self.line)),
            }
        command = [sys.executable, "-c", self.code, *self.arguments]
        before = _of_children()
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
        return _of_children() - before


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


PYTHON, CAPTUM, METHODS = "python", "import captum.attr", "the same, and the methods"
CALLS: Mapping[str, Call] = {
    PYTHON: Call("pass"),
    CAPTUM: Call("import captum.attr"),
    METHODS: Call("import captum.attr; from captum_rectgrad import *"),
    "rectgrad --help": Call(_COMMAND, ("--help",)),
    "rectgrad reproduce --help": Call(_COMMAND, ("reproduce", "--help")),
    "rectgrad zoo, completed": Call(_COMMAND, line="rectgrad zoo "),
    "a model's name, completed": Call(_COMMAND, line="rectgrad explain --model resnet5"),
}


def main() -> int:
    """Run the command.

    Returns:
        The exit status: 1 where the goal is missed.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, help="(default: %(default)s)")
    arguments = parser.parse_args()
    rounds = [
        {name: call.seconds() for name, call in CALLS.items()} for _ in range(arguments.rounds)
    ]
    for name in CALLS:
        seconds = statistics.median(one[name] for one in rounds)
        ratio = statistics.median(one[name] / one[CAPTUM] for one in rounds)
        print(f"{name:<28}{seconds:7.3f} s  {ratio:6.3f} of {CAPTUM}")
    added = statistics.median(one[METHODS] - one[CAPTUM] for one in rounds)
    verdict = "holds" if added < GOAL else "does not hold"
    print(f"the methods add {added:.3f} s; the goal, less than {GOAL} s, {verdict}")
    return int(added >= GOAL)


if __name__ == "__main__":
    sys.exit(main())
