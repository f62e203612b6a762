"""Arguments of any kind end with a documented exit status, and change no file but the output."""

import io
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file

from captum_rectgrad.cli.main import main
from tests.support.fuzzing import HOSTILE_TEXTS, Fuzzer, assert_printable, snapshot

STATUSES = {0, 1, 2, 3, 75}  # docs/how-to/use-in-ci.md
WRITABLE = "out"

_TEXTS = HOSTILE_TEXTS.filter(lambda text: "\0" not in text)  # no argument of a process has it
_PATHS = st.sampled_from(
    [
        "in/photo.png",
        "in/text.png",
        "in/empty.jpg",
        "in/labels.txt",
        "in/pipe",
        "in/link.png",
        "in/loop",
        "in/weights.safetensors",
        "in",
        "in/*.png",
        "in/[",
        "in/absent.png",
        "/dev/zero",
        "/dev/null",
        ".",
        "-",
        "http://127.0.0.1:9/photo.png",
        "http://",
        "file:///etc/passwd",
    ]
)
_ANY = st.one_of(_PATHS, _TEXTS)
_OUT = st.sampled_from(
    ["out/a.png", "out/b/", "out/{name}.pdf", "out/a.txt", "out/a.pgf", "out/{name}{name}.svg"]
)
_NUMBERS = st.sampled_from(["0", "-1", "1", "98", "100", "1e9", "nan", "inf", "0x10", "98%"])
_MODELS = st.one_of(
    st.sampled_from(
        [
            "cifar10_cnn",
            "cifar10_cnm",
            "os:getcwd",
            "json:loads",
            "hf:",
            "hf:a",
            "a/b/c",
            "local-dir:in",
        ]
    ),
    _ANY.filter(lambda text: text.count("/") != 1),  # OWNER/NAME is looked for on the Hub
)
_METHODS = st.one_of(
    st.sampled_from(["saliency", "rectgrad", "saliency,rectgrad", "all", ",", "os:getcwd", "x"]),
    _TEXTS,
)


@st.composite
def _options(draw: st.DrawFn, values: dict[str, st.SearchStrategy[str]], least: int) -> list[str]:
    chosen = draw(
        st.lists(st.sampled_from(sorted(values)), min_size=least, max_size=4, unique=True)
    )
    return [f"{name}={draw(values[name])}" for name in chosen]


_EXPLAIN = st.builds(
    lambda images, out, options: ["explain", *images, f"--out={out}", *options],
    st.lists(st.one_of(st.just("in/photo.png"), _ANY), min_size=1, max_size=3),
    st.one_of(_OUT, _PATHS, _TEXTS.map(lambda text: f"out/{text}")),
    _options(
        {
            "--weights": _ANY,
            "--labels": _ANY,
            "--target": st.one_of(_NUMBERS, _TEXTS, st.just("ship")),
            "--methods": _METHODS,
            "--percentile": st.one_of(_NUMBERS, _TEXTS),
            "--device": st.one_of(st.sampled_from(["cpu", "cuda:99", "meta"]), _TEXTS),
            "--save-maps": st.sampled_from(["out/maps.npz", "in/photo.png", "out/maps.txt"]),
        },
        0,
    ),
).flatmap(
    lambda words: st.one_of(st.just("cifar10_cnn"), _MODELS).map(
        lambda model: [*words, f"--model={model}"]
    )
)
# A run of these takes long: at least one value is no valid one.
_CHECK = st.builds(
    lambda model, options: [
        "check",
        f"--model={model}",
        "--out=out/checked",
        "--count=0",
        *options,
    ],
    _MODELS,
    _options({"--method": _METHODS, "--layers": _TEXTS, "--others": _TEXTS, "--data": _ANY}, 1),
)
_REPRODUCE = st.builds(
    lambda name, options: ["reproduce", name, "--out=out/run", "--batch-size=0", *options],
    st.one_of(st.sampled_from(["patch", "all", "roar-kar", "pach"]), _TEXTS),
    _options(
        {
            "--minutes": _NUMBERS,
            "--unpack": _PATHS,
            "--pack": _PATHS,
            "--data": _ANY,
            "--masks": _ANY,
            "--checkpoint": st.one_of(_TEXTS, st.just("plain=in")),
            "--methods": _METHODS,
        },
        0,
    ),
)
_ZOO = st.builds(
    lambda command, name: ["zoo", command, name],
    st.sampled_from(["show", "fetch", "list", "verify"]),
    _MODELS,
)
_WORDS = st.lists(
    st.one_of(_TEXTS, st.sampled_from(["explain", "--out", "--", "-x", "--help"])), max_size=4
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with inputs of all kinds."""
    inputs = tmp_path / "in"
    inputs.mkdir()
    (tmp_path / WRITABLE).mkdir()
    Image.effect_noise((40, 30), 90).save(inputs / "photo.png")
    (inputs / "text.png").write_text("no picture")
    (inputs / "empty.jpg").touch()
    (inputs / "labels.txt").write_text("one\ntwo\n")
    os.mkfifo(inputs / "pipe")
    (inputs / "link.png").symlink_to("absent.png")
    (inputs / "loop").symlink_to("loop")
    save_file({"a\x1b[31m": torch.zeros(2)}, inputs / "weights.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_any_arguments(
    fuzz: Fuzzer, place: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(argv: list[str]) -> None:
        (place / WRITABLE).mkdir(exist_ok=True)
        before = _outside(place)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"no picture")))
        status = _status(lambda: main(argv))
        assert status in STATUSES
        printed = capfd.readouterr()
        assert_printable(printed.err)
        assert_printable(printed.out)
        after = _outside(place)
        if status == 0 and not {".", "in", "in/*.png", "in/["} & set(argv):
            # A picture that is not an input may be the output.
            named = {word.partition("=")[2] for word in argv if word.startswith("--out=")}
            before |= {name: after[name] for name in (named - set(argv)) & after.keys()}
        assert after == before

    fuzz(check, st.one_of(_EXPLAIN, _EXPLAIN, _CHECK, _REPRODUCE, _ZOO, _WORDS), 150)


def _status(run: Callable[[], int]) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # pytest's makes errors of them
        try:
            return run()
        except SystemExit as stop:  # argparse
            return int(stop.code or 0)


def _outside(place: Path) -> dict[str, tuple[int, str]]:
    """Everything but the folder of the outputs and the file that `explain` writes by default."""
    found = snapshot(place)
    return {
        name: entry
        for name, entry in found.items()
        if name.partition("/")[0] not in {WRITABLE, "rectgrad.png"}
    }
