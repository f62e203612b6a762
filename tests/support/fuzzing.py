"""Fuzzing: damaged files and hostile values as hypothesis strategies, and rounds of examples.

`make test` runs one round of each fuzzer in `tests/fuzz`, always the same examples. `pytest
tests/fuzz --fuzz-minutes N` (`make fuzz`) goes on with other seeds until N minutes are over, for
each fuzzer.
"""

import hashlib
import itertools
import json
import resource
import signal
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Example = TypeVar("Example")

MOST_SECONDS = 60  # for one example, on a busy machine
# Resident memory that a round may add. The largest image that is read has 178 million pixels.
MOST_BYTES = 3 << 30
_KIB = 1 if sys.platform == "darwin" else 1024


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(
        "--fuzz-minutes",
        type=float,
        default=0.0,
        metavar="N",
        help="minutes of each fuzzer in tests/fuzz; 0: one round",
    )


class HangError(BaseException):
    """An example takes too long; no `except Exception` of the tested code catches this."""


def _hangs(*_: object) -> None:
    raise HangError(f"more than {MOST_SECONDS} seconds")


@dataclass(frozen=True)
class Fuzzer:
    """Runs a check on examples.

    Attributes:
        minutes: time after which no round begins.
    """

    minutes: float

    def __call__(
        self, check: Callable[[Example], None], examples: st.SearchStrategy[Example], count: int
    ) -> None:
        """Run rounds of `count` examples, at least one.

        Args:
            check: raises an error for an example that shows a defect.
            examples: the strategy.
            count: examples of a round.
        """

        def within_time(example: Example) -> None:
            signal.alarm(MOST_SECONDS)
            try:
                check(example)
            finally:
                signal.alarm(0)

        signal.signal(signal.SIGALRM, _hangs)
        end = time.monotonic() + 60 * self.minutes
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for seed in itertools.count():
            bounded = settings(
                database=None,
                deadline=None,
                max_examples=count,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            )
            hypothesis.seed(seed)(bounded(given(examples)(within_time)))()
            added = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * _KIB
            assert added < MOST_BYTES, f"{added} bytes more after the round with seed {seed}"
            if time.monotonic() >= end:
                return


@pytest.fixture
def fuzz(request: pytest.FixtureRequest) -> Fuzzer:
    """The fuzzer."""
    return Fuzzer(request.config.getoption("--fuzz-minutes"))


def snapshot(folder: Path) -> dict[str, tuple[int, str]]:
    """Every entry below a folder: its mode, and the SHA-256 of a file or the target of a link."""
    return {str(path.relative_to(folder)): _entry(path) for path in sorted(folder.rglob("*"))}


def _entry(path: Path) -> tuple[int, str]:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return mode, str(path.readlink())
    return mode, hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(mode) else ""


def assert_printable(text: str) -> None:
    """Check that a command printed neither a traceback nor characters that control a terminal."""
    assert "Traceback" not in text
    wrong = {letter for letter in text if not letter.isprintable()} - {"\n", "\t", "\r"}
    assert not wrong, f"{sorted(map(hex, map(ord, wrong)))} in {text!r}"


class Content(bytes):
    """The content of a file; a long one is shown by its start."""

    def __repr__(self) -> str:
        """At most 500 bytes."""
        return f"{bytes(self[:500])!r} ({len(self)} bytes)"


HOSTILE_TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "",
            "../../outside",
            "/etc/passwd",
            "\x1b[31mred\x1b[0m",
            "\u202egnp.exe",
            "a" * 5000,
            "two\nlines",
            "nan",
            "-1",
            "1e999",
            "{name}",
            "%s%n",
            "\0",
        ]
    ),
)
_NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([0, -1, 2**31, 2**63, 10**30, 7_000_000_000]),
    st.floats(),
)
_LEAVES = st.one_of(st.none(), st.booleans(), _NUMBERS, HOSTILE_TEXTS)
_NODES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
_DEEP = st.sampled_from(["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000])


@st.composite
def damaged_json(draw: st.DrawFn, valid: Any) -> Content:
    """A JSON document with up to three nodes replaced, removed or added; now and then no such one.

    Args:
        draw: given by hypothesis.
        valid: the document.
    """
    kind = draw(st.sampled_from(["nodes"] * 8 + ["other", "deep", "bytes"]))
    if kind == "deep":
        return Content(draw(_DEEP).encode())
    if kind == "bytes":
        return draw(damaged_bytes(json.dumps(valid).encode()))
    document = draw(_NODES) if kind == "other" else json.loads(json.dumps(valid))
    for _ in range(draw(st.integers(1, 3)) if kind == "nodes" else 0):
        document = _replaced(draw, document)
    return Content(json.dumps(document).encode())


def _replaced(draw: st.DrawFn, node: Any) -> Any:
    """The document with one change at a random place."""
    inner = (
        list(node)
        if isinstance(node, dict)
        else list(range(len(node or ())))
        if isinstance(node, list)
        else []
    )
    if not inner or draw(st.integers(0, 4)) == 0:
        return draw(_NODES)
    key = draw(st.sampled_from(inner))
    action = draw(st.sampled_from(["inside"] * 4 + ["remove", "add"]))
    if action == "remove":
        del node[key]
    elif action == "add" and isinstance(node, dict):
        node[draw(st.text(max_size=8))] = draw(_NODES)
    elif action == "add":
        node.insert(key, draw(_NODES))
    else:
        node[key] = _replaced(draw, node[key])
    return node


@st.composite
def damaged_bytes(draw: st.DrawFn, valid: bytes) -> Content:
    """Content with up to four changes: flipped bits, a cut, an insertion, a repetition.

    Args:
        draw: given by hypothesis.
        valid: the content.
    """
    content = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        # The start has the headers, where a change matters most.
        place = draw(
            st.one_of(st.integers(0, min(200, len(content))), st.integers(0, len(content)))
        )
        action = draw(st.sampled_from(["flip", "set", "cut", "insert", "repeat"]))
        if action == "flip" and place < len(content):
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif action == "set":
            content[place : place + 4] = draw(st.binary(min_size=1, max_size=8))
        elif action == "cut":
            del content[place : place + draw(st.sampled_from([1, 4, 100, len(content)]))]
        elif action == "insert":
            content[place:place] = draw(st.binary(min_size=1, max_size=16))
        elif action == "repeat":
            content[place:place] = content[place : place + 64]
    return Content(content)
