"""Damaged checkpoints load as finite networks, or are refused in one sentence."""

import json
import struct
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import strategies as st
from PIL import Image

import rectgrad_zoo
from rectgrad_zoo.checkpoint import CARD_FILE, CONFIG_FILE, METRICS_FILE, RECIPE_FILE, WEIGHTS_FILE
from rectgrad_zoo.cli.show import describe
from tests.support.fuzzing import (
    Content,
    Fuzzer,
    damaged_bytes,
    damaged_json,
    snapshot,
)

VALID = Path(rectgrad_zoo.__file__).parent / "checkpoints" / "cifar10_cnn"
VALID_FILES = {file.name: Content(file.read_bytes()) for file in VALID.iterdir()}


def _damaged_weights(valid: bytes) -> st.SearchStrategy[Content]:
    """Weights with another header, or with other bytes."""
    (length,) = struct.unpack("<Q", valid[:8])
    header, data = json.loads(valid[8 : 8 + length]), valid[8 + length :]
    return st.one_of(
        damaged_bytes(valid),
        damaged_json(header).map(lambda text: Content(struct.pack("<Q", len(text)) + text + data)),
    )


@st.composite
def _folders(draw: st.DrawFn) -> dict[str, Content]:
    """The files of a checkpoint, one or two of them damaged, one perhaps missing."""
    files = dict(VALID_FILES)
    for name in draw(st.lists(st.sampled_from(sorted(files)), min_size=1, max_size=2, unique=True)):
        if name in {CONFIG_FILE, METRICS_FILE}:
            files[name] = draw(damaged_json(json.loads(files[name])))
        elif name == WEIGHTS_FILE:
            files[name] = draw(_damaged_weights(files[name]))
        elif name in {CARD_FILE, RECIPE_FILE}:
            files[name] = draw(damaged_bytes(files[name]))
    if draw(st.integers(0, 9)) == 0:
        files.pop(draw(st.sampled_from(sorted(files))))
    return files


def test_damaged_checkpoints(fuzz: Fuzzer, tmp_path: Path) -> None:
    picture = Image.effect_noise((40, 30), 90).convert("RGB")

    def check(files: dict[str, Content]) -> None:
        with tempfile.TemporaryDirectory(dir=tmp_path) as place:
            folder = Path(place) / "checkpoint"
            folder.mkdir()
            for name, content in files.items():
                (folder / name).write_bytes(content)
            before = snapshot(tmp_path)
            _load(folder, picture)
            with suppress(ValueError, rectgrad_zoo.ZooError):
                describe(str(folder))
            assert snapshot(tmp_path) == before

    fuzz(check, _folders(), 150)


def _load(folder: Path, picture: Image.Image) -> None:
    try:
        model: Any = rectgrad_zoo.load(str(folder))
        image = rectgrad_zoo.transform(model)(picture)[None]
        labels = rectgrad_zoo.labels(model)
    except rectgrad_zoo.ZooError:
        return
    stated = folder / METRICS_FILE
    weights = folder / WEIGHTS_FILE
    if stated.is_file() and stated.read_bytes() == (VALID / METRICS_FILE).read_bytes():
        # It states the hash of the weights.
        assert weights.read_bytes() == (VALID / WEIGHTS_FILE).read_bytes()
    assert all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values())
    assert bool(torch.isfinite(image).all())
    assert labels is None or all(isinstance(label, str) for label in labels)


def test_the_checkpoint_is_valid_before_it_is_damaged() -> None:
    assert rectgrad_zoo.labels(rectgrad_zoo.load(str(VALID)))
    with pytest.raises(rectgrad_zoo.ZooError, match=CONFIG_FILE):
        rectgrad_zoo.load(f"local-dir:{VALID.parent}")
