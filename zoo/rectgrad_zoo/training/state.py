"""How far a training has come, kept in a file from which it goes on after an interruption."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.training.accuracy import Accuracy

# After the name of the state that is being written.
PART = ".part"


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training images came to.

    Attributes:
        train_loss: Mean cross-entropy of the training images, in nats, during the pass.
        validation: Accuracy on the validation images after it.
        adversarial_validation: The same under the recipe's attack; `None` without one.
    """

    train_loss: float
    validation: Accuracy
    adversarial_validation: Accuracy | None = None


@dataclass
class Course:
    """A training between two epochs. Whatever is random in an epoch follows from its number.

    Attributes:
        model: The network.
        optimizer: Its optimiser.
        weights: State dict of the epoch to keep so far, on the CPU.
        kept_epoch: Which epoch that is, counted from 1; 0 is the untrained network.
        epochs: Every epoch so far.
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
        path: Where it is.
        identity: What the training's bytes depend on (recipe, data, device, versions), in words;
            only a training with the same may go on from the file.
    """

    path: Path
    identity: dict[str, str]

    def save(self, course: Course) -> None:
        """Write the state, so that at any time there is a whole one: the old or the new.

        Args:
            course: The training.

        Raises:
            ZooError: If it cannot be written.
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
        buffer = io.BytesIO()  # torch.save's own errors do not say that the disk is full
        torch.save(content, buffer)
        try:
            self._unfinished.write_bytes(buffer.getbuffer())
            self._unfinished.replace(self.path)
        except OSError as error:
            self._unfinished.unlink(missing_ok=True)
            raise ZooError(f"Cannot write {self.path}: {error.strerror}. Make room.") from error
        except BaseException:
            self._unfinished.unlink(missing_ok=True)
            raise

    def remove(self) -> None:
        """Delete the state, and what a process that was killed may have left of another."""
        self._unfinished.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    @property
    def _unfinished(self) -> Path:
        return self.path.with_name(f"{self.path.name}{PART}")

    def restore(self, course: Course) -> None:
        """Bring a fresh training to where the file's was; does nothing where there is no file.

        Args:
            course: A training that has not begun, changed in place.

        Raises:
            ZooError: If the file is damaged, or of a training of another recipe, data, device or
                versions.
        """
        if not self.path.exists():
            return
        try:
            content: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
            begun: dict[str, str] = dict(content["identity"])
        # Whatever is raised for a file that could hold anything is the file's fault.
        except Exception as error:
            raise self._damaged(error) from error
        different = [
            f"{key} was {begun.get(key)}, is {value}"
            for key, value in self.identity.items()
            if begun.get(key) != value
        ]
        if different:
            raise ZooError(
                f"{self.path} is of a training that would not go on to the same bytes: "
                f"{'; '.join(different)}. Go on as it was begun, or delete it to begin again."
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
            f"{self.path} is not the state of a training ({type(error).__name__}). Delete it to "
            "begin again."
        )


def _epoch_to_plain(epoch: Epoch) -> tuple[float, list[int], list[int] | None]:
    attacked = epoch.adversarial_validation
    return (
        epoch.train_loss,
        [epoch.validation.correct, epoch.validation.total],
        [attacked.correct, attacked.total] if attacked else None,
    )


def _epoch_from_plain(content: tuple[float, list[int], list[int] | None]) -> Epoch:
    loss, validation, attacked = content
    return Epoch(loss, Accuracy(*validation), Accuracy(*attacked) if attacked else None)
