"""Fingerprints of the code of a user's methods."""

import hashlib
import sys
from pathlib import Path

import pytest

from captum_rectgrad.studies.board.own_methods import fingerprints, own_methods

DEFINING = """
from captum.attr import Saliency


class Mine(Saliency):
    pass
"""
METHOD = """
from functools import partial

from mydefinitions import Mine
from captum_rectgrad.evaluation.methods import Method


def gradient(scale, model, x, target):
    return scale * Mine(model).attribute(x, target=target)


twice = Method("twice as/large", "Twice", partial(gradient, 2))
parent = Method("..", "Parent", partial(gradient, 2))
"""


def test_both_files_count_and_keys_are_names_of_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("mydefinitions", "myexports"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    first, second = tmp_path / "mydefinitions.py", tmp_path / "myexports.py"
    first.write_text(DEFINING)
    second.write_text(METHOD)
    found = fingerprints(["myexports:Mine", "myexports:twice"])
    assert found == {
        "myexports.Mine": hashlib.sha256((DEFINING + METHOD).encode()).hexdigest(),
        "twice.as.large": hashlib.sha256(METHOD.encode()).hexdigest(),
    }
    first.write_text(DEFINING + "    tag = 1\n")
    again = fingerprints(["myexports:Mine", "myexports:twice"])
    assert again["myexports.Mine"] != found["myexports.Mine"]
    assert again["twice.as.large"] == found["twice.as.large"]


def test_a_key_that_is_no_name_of_a_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, content in (("mydefinitions", DEFINING), ("myexports", METHOD)):
        monkeypatch.delitem(sys.modules, name, raising=False)
        (tmp_path / f"{name}.py").write_text(content)
    with pytest.raises(ValueError, match=r"the key '\.\.' of a method cannot be the name"):
        own_methods(["myexports:parent"])


def test_a_module_with_an_error_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "unfinished.py").write_text("def f(:")
    with pytest.raises(ValueError, match=r"'unfinished:f' cannot be imported: SyntaxError"):
        own_methods(["unfinished:f"])
