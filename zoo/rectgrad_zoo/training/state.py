"""The state of an unfinished training, stored in a file for resumption."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.input_files import read_regular
from rectgrad_zoo.limits import MOST_BYTES, limit
from rectgrad_zoo.training.accuracy import Accuracy
from rectgrad_zoo.written_whole import write_bytes


@dataclass(frozen=True)
class Epoch:
    """Results of one pass over the training images.

    Attributes:
        train_loss: Mean cross-entropy of the training images during the pass, in nats.
        validation: Accuracy on the validation images after the pass; `None` without such images.
        adversarial_validation: The same under the recipe's attack; `None` without an attack.
    """

    train_loss: float
    validation: Accuracy | None = None
    adversarial_validation: Accuracy | None = None


@dataclass
class Course:
    """The state of a training between two epochs.

    The random numbers of an epoch depend on the seed and the number of the epoch only.

    Attributes:
        model: The network.
        optimizer: The optimiser.
        weights: State dict of the best epoch so far, on the CPU.
        kept_epoch: Number of that epoch, from 1; 0 for the untrained network.
        epochs: Results of all epochs so far.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    weights: dict[str, Tensor]
    kept_epoch: int = 0
    epochs: list[Epoch] = field(default_factory=list)


@dataclass(frozen=True)
class StateFile:
    """The file of an unfinished training.

    Attributes:
        path: Path of the file.
        identity: Everything that determines the result of the training (recipe, data, device,
            versions), as text. Only a training with the same identity can be resumed.
    """

    path: Path
    identity: dict[str, str]

    def save(self, course: Course) -> None:
        """Write the state. The previous file is replaced only after a complete write.

        Args:
            course: The training.

        Raises:
            ZooError: If the file cannot be written.
        """
        content = {
            "identity": self.identity,
            "model": course.model.state_dict(),
            "optimizer": course.optimizer.state_dict(),
            "weights": course.weights,
            "kept_epoch": course.kept_epoch,
            "epochs": [_epoch_to_plain(epoch) for epoch in course.epochs],
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()  # torch.save does not report a full disk
        torch.save(content, buffer)
        try:
            write_bytes(self.path, buffer.getbuffer())
        except OSError as error:
            raise ZooError(
                f"Cannot write {self.path}: {error.strerror}. Free disk space."
            ) from error

    def restore(self, course: Course) -> None:
        """Restore the state of the file, if there is one.

        Args:
            course: A training before its first epoch, changed in place.

        Raises:
            ZooError: If the file is damaged or not a regular file, or belongs to a training with
                another recipe, data, device or versions.
        """
        if not self.path.exists():
            return
        stored = read_regular(self.path, int(limit(MOST_BYTES)))
        try:
            content: dict[str, Any] = torch.load(
                io.BytesIO(stored), map_location="cpu", weights_only=True
            )
            begun: dict[str, str] = dict(content["identity"])
        # An arbitrary file may raise anything.
        except Exception as error:
            raise self._damaged(error) from error
        different = [
            f"{key} was {begun.get(key)}, is {value}"
            for key, value in self.identity.items()
            if begun.get(key) != value
        ]
        if different:
            raise ZooError(
                f"{self.path} belongs to another training: {'; '.join(different)}. Restore these "
                "settings to resume it, or delete the file to start again."
            )
        try:
            course.model.load_state_dict(content["model"])
            course.optimizer.load_state_dict(content["optimizer"])
            course.weights = dict(content["weights"])
            course.kept_epoch = int(content["kept_epoch"])
            course.epochs = [_epoch_from_plain(epoch) for epoch in content["epochs"]]
        except Exception as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> ZooError:
        return ZooError(
            f"{self.path} is not a valid state of a training ({type(error).__name__}). Delete the "
            "file to start again."
        )


def _epoch_to_plain(epoch: Epoch) -> tuple[float, list[list[int] | None]]:
    measured = (epoch.validation, epoch.adversarial_validation)
    return epoch.train_loss, [[it.correct, it.total] if it else None for it in measured]


def _epoch_from_plain(content: tuple[float, list[list[int] | None]]) -> Epoch:
    loss, measured = content
    return Epoch(loss, *(Accuracy(*counts) if counts else None for counts in measured))
