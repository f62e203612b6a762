import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

import rectgrad_zoo
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.training import train
from rectgrad_zoo.training.build_checkpoint import STATE_FILE, make_checkpoint
from tests.support.hub_client import Client

CPU = torch.device("cpu")
ROOT = Path(rectgrad_zoo.__file__).parents[2]
# Everything that is random in an epoch, and everything that is kept from one to the next.
RECIPE = """\
name = "everything"
architecture = "cifar10_resnet"
description = "A checkpoint made by a test."

[data]
name = "uoft-cs/cifar10"
validation_size = 10
validation_seed = 0

[occlusion]
kind = "per_image"
size = 10
seed = 3

[augmentation]
crop_padding = 4
flip = true

[random_labels]
seed = 2

[adversary]
epsilon = 8
step = 10
steps = 1
test_step = 2
test_steps = 2

[training]
optimizer = "sgd"
learning_rate = 0.05
weight_decay = 0.0005
schedule = "cosine"
warmup_epochs = 1
batch_size = 16
epochs = 3
seed = 5
keep = "best_adversarial_validation"
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    file = tmp_path / "everything.toml"
    file.write_text(RECIPE)
    return file


def interrupted(recipe: Path, data_folder: Path, out: Path, epoch: int) -> None:
    """Train until the end of the given epoch of this call, and lose it."""
    whole, begun = train._train_epoch, iter(range(1, 100))

    def train_epoch(*args: Any) -> float:
        loss = whole(*args)
        if next(begun) == epoch:
            raise KeyboardInterrupt
        return loss

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "_train_epoch", train_epoch)
        with pytest.raises(KeyboardInterrupt):
            make_checkpoint(recipe, data_folder, out, CPU)


@pytest.fixture(scope="module")
def state_after_one_epoch(
    recipe_file: Path, data_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> bytes:
    """The state of a training by `recipe_file` that was interrupted in its second epoch."""
    out = tmp_path_factory.mktemp("interrupted") / "out"
    interrupted(recipe_file, data_folder, out, epoch=2)
    assert [file.name for file in out.iterdir()] == [STATE_FILE]
    return (out / STATE_FILE).read_bytes()


@pytest.fixture
def begun(state_after_one_epoch: bytes, tmp_path: Path) -> Path:
    """A folder with that state."""
    out = tmp_path / "out"
    out.mkdir()
    (out / STATE_FILE).write_bytes(state_after_one_epoch)
    return out


def same_files(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in FILES)


FILES = ("model.safetensors", "metrics.json", "config.json", "recipe.toml", "README.md")


@pytest.mark.slow
def test_a_training_interrupted_twice_ends_at_the_same_bytes(
    recipe: Path, data_folder: Path, tmp_path: Path
) -> None:
    make_checkpoint(recipe, data_folder, tmp_path / "whole", CPU)
    out = tmp_path / "interrupted"
    for done in (1, 2):
        torch.manual_seed(done)
        interrupted(recipe, data_folder, out, epoch=2)  # one is done, the next is lost
        assert [file.name for file in out.iterdir()] == [STATE_FILE]
        state = torch.load(out / STATE_FILE, weights_only=True)
        assert len(state["epochs"]) == done
    make_checkpoint(recipe, data_folder, out, CPU)
    assert same_files(out, tmp_path / "whole")
    assert sorted(file.name for file in out.iterdir()) == sorted(FILES)


@pytest.mark.slow
def test_an_interrupt_from_the_keyboard_leaves_a_state_to_go_on_from(
    recipe_file: Path, data_folder: Path, tmp_path: Path
) -> None:
    longer = tmp_path / "longer.toml"
    longer.write_text(recipe_file.read_text().replace("epochs = 2", "epochs = 12"))
    make_checkpoint(longer, data_folder, tmp_path / "whole", CPU)
    out = tmp_path / "out"
    arguments = ["zoo", "train", longer, "--data", data_folder, "--out", out]
    # As a terminal starts it: a shell's background jobs, and what they start, ignore the signal.
    start = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from captum_rectgrad.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", start, *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'zoo'}"},
    )
    while not (out / STATE_FILE).exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == 130, messages
    assert f"{out} contains the finished epochs; run the same command" in messages
    assert messages.endswith("rectgrad: interrupted\n")
    assert "Traceback" not in messages
    assert [file.name for file in out.iterdir()] == [STATE_FILE]
    make_checkpoint(longer, data_folder, out, CPU)
    assert same_files(out, tmp_path / "whole")


def test_a_state_of_another_training_is_refused(
    recipe_file: Path, data_folder: Path, tmp_path: Path, begun: Path
) -> None:
    before = (begun / STATE_FILE).read_bytes()
    other = tmp_path / "other.toml"
    other.write_text(recipe_file.read_text().replace("seed = 5", "seed = 6"))
    with pytest.raises(ZooError, match=r"another training: recipe \(SHA-256\) was .* delete"):
        make_checkpoint(other, data_folder, begun, CPU)
    assert (begun / STATE_FILE).read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [b"", b"half a st", b"junk", None, torch.ones(2), {"identity": [1]}],
)
def test_a_damaged_state_is_refused(
    content: bytes | object, recipe_file: Path, data_folder: Path, begun: Path
) -> None:
    state = begun / STATE_FILE
    if isinstance(content, bytes):
        state.write_bytes(content)
    elif content is None:
        state.write_bytes(state.read_bytes()[:-100])
    else:
        torch.save(content, state)
    with pytest.raises(ZooError, match=r"is not a valid state of a training .* Delete"):
        make_checkpoint(recipe_file, data_folder, begun, CPU)


def test_a_state_that_is_a_pipe_is_refused(
    recipe_file: Path, data_folder: Path, begun: Path
) -> None:
    (begun / STATE_FILE).unlink()
    os.mkfifo(begun / STATE_FILE)
    with pytest.raises(ZooError, match="is not a regular file"):
        make_checkpoint(recipe_file, data_folder, begun, CPU)


def test_a_state_that_cannot_be_written_leaves_the_one_before(
    recipe_file: Path, data_folder: Path, begun: Path, client: Client
) -> None:
    before = (begun / STATE_FILE).read_bytes()

    full = client.train(recipe_file, data_folder, begun, largest_file=len(before) // 2)
    assert full.status == 2
    assert full.stderr.startswith("rectgrad: error: Cannot write ")
    assert len(full.stderr.splitlines()) == 1
    assert [file.name for file in begun.iterdir()] == [STATE_FILE]
    assert (begun / STATE_FILE).read_bytes() == before


def test_what_a_killed_process_left_is_not_in_the_checkpoint(
    recipe_file: Path, data_folder: Path, begun: Path
) -> None:
    for name in (".training-state.0a1b.unfinished.pt", ".config.2c3d.unfinished.json"):
        (begun / name).write_bytes(b"half a st")
    make_checkpoint(recipe_file, data_folder, begun, CPU)
    assert sorted(file.name for file in begun.iterdir()) == sorted(FILES)
