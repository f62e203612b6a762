"""The networks that the board knows by name, with their images."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

import torch
from torch import Tensor

import rectgrad_zoo
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.board.explained import batch_size
from captum_rectgrad.studies.board.networks import (
    NOISE_REGION,
    OBJECT,
    TRIGGER,
    BoardGroup,
    BoardNetwork,
    RegionImages,
    TrainingImages,
)
from captum_rectgrad.studies.compute.maps import predictions
from captum_rectgrad.studies.data.cifar10 import Cifar10
from captum_rectgrad.studies.data.generated import Shapes
from captum_rectgrad.studies.data.photographs import Photographs
from captum_rectgrad.studies.data.study_data import MaskedImages, Network
from rectgrad_zoo import registry
from rectgrad_zoo.data.backdoor import stamp_trigger
from rectgrad_zoo.data.data_sets import FASHION_MNIST, Split
from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.data.read_data_set import read_data_set

Kind = Literal["shapes", "CIFAR-10", "Fashion-MNIST", "photographs"]
SHAPES = "shapes"
MARGIN = 2  # border of the noise in which filters also see the image, as in `kim2019.patch`


@dataclass(frozen=True)
class KnownGroup:
    """Networks of the zoo that differ by the seed of their training only.

    Attributes:
        kind: kind of the data.
        checkpoints: names in the zoo.
        about: what they are, for `--list`.
    """

    kind: Kind
    checkpoints: tuple[str, ...]
    about: str


class BoardData(Protocol):
    """The part of `StudyData` that the board uses."""

    @property
    def name(self) -> str:
        """See `StudyData`."""

    @property
    def note(self) -> str:
        """See `StudyData`."""

    @property
    def has_masks(self) -> bool:
        """See `StudyData`."""

    def images(self, split: Split) -> LabelledImages:
        """See `StudyData`."""

    def masked(self) -> MaskedImages:
        """See `StudyData`."""


@dataclass(frozen=True)
class FashionMnist:
    """Fashion-MNIST from a folder or the Hub.

    Attributes:
        data: as for `rectgrad_zoo.data.read_data_set.read_data_set`.
    """

    data: str

    name = "Fashion-MNIST"
    note = ""
    has_masks = False

    def images(self, split: Split) -> LabelledImages:
        """See `StudyData`."""
        return read_data_set(FASHION_MNIST, self.data, split)

    def masked(self) -> MaskedImages:
        """See `StudyData`."""
        raise RectGradError("Fashion-MNIST has no masks of its objects")


def _seeds(name: str) -> tuple[str, ...]:
    return (name, f"{name}_seed1", f"{name}_seed2")


GROUPS: Mapping[str, KnownGroup] = {
    SHAPES: KnownGroup("shapes", (), "generated shapes, a network trained at the first use"),
    "cifar10_cnn": KnownGroup("CIFAR-10", _seeds("cifar10_cnn"), "the CNN of Kim et al. 2019"),
    "cifar10_resnet": KnownGroup("CIFAR-10", ("cifar10_resnet",), "a residual network"),
    "cifar10_cnn_occluded": KnownGroup(
        "CIFAR-10", _seeds("cifar10_cnn_occluded"), "trained behind a patch of noise"
    ),
    "cifar10_cnn_backdoor": KnownGroup(
        "CIFAR-10", _seeds("cifar10_cnn_backdoor"), "trained with a backdoor"
    ),
    "fashion_mnist_cnn": KnownGroup(
        "Fashion-MNIST", _seeds("fashion_mnist_cnn"), "the same CNN on a second data set"
    ),
    "cifar10_vit": KnownGroup("CIFAR-10", ("cifar10_vit",), "a small vision transformer"),
    **{
        name: KnownGroup("photographs", (name,), "ImageNet, on photographs")
        for name in ("tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2")
    },
}


def known_group(name: str, data: str | None, masks: Path | None, images: int) -> BoardGroup:
    """A group of `GROUPS` with its images.

    Args:
        name: key of `GROUPS`.
        data: folder or Hub data set of the group's kind; not used by groups of generated images,
            and of photographs, which are scikit-image's.
        masks: folder of CIFAR-10 images with masks; None: none.
        images: number of explained images.

    Returns:
        The group.

    Raises:
        ValueError: there is no such group, or it needs `data`.
        RectGradError, ZooError: the data or the networks are not available.
    """
    if name not in GROUPS:
        raise ValueError(f"{name!r} is not a network of the board; choose from {', '.join(GROUPS)}")
    known = GROUPS[name]
    if known.kind == "photographs":
        return photograph_group(name, name, None, images)
    if known.kind == "shapes":
        shapes = Shapes(Path(torch.hub.get_dir()) / "captum-rectgrad")
        return _group(name, shapes, shapes.networks("plain"), images)
    if data is None:
        raise ValueError(f"{name} needs --data with {known.kind}; {SHAPES} needs no data")
    networks = [_network(each, known.kind) for each in _loadable(name, known)]
    if known.kind == "Fashion-MNIST":
        return _group(name, FashionMnist(data), networks, images)
    return _group(name, Cifar10(data, masks), networks, images)


def photograph_group(name: str, model: str, folder: Path | None, images: int) -> BoardGroup:
    """A network of the zoo, timm or the Hub, with photographs.

    Args:
        name: name of the group and of its network.
        model: name, as for `rectgrad_zoo.load`.
        folder: folder of photographs; None: those of scikit-image.
        images: largest number of images.

    Returns:
        The group, without masks and training images.
    """
    data = Photographs(model, folder)
    (network,) = data.networks("plain")
    inputs = network.inputs(data.images("test").images[:images])
    targets = predicted(network.model, inputs)
    # Not the network's own name, which has the repository: it would not be the name of a folder.
    made = BoardNetwork(name, network.sha256, network.model, inputs, targets, inputs)
    return BoardGroup(name, data.name, (made,), data.note)


def predicted(model: torch.nn.Module, inputs: Tensor) -> Tensor:
    """The predicted classes.

    Args:
        model: the network.
        inputs: `(N, C, H, W)`.

    Returns:
        `(N,)`.

    Raises:
        RectGradError: the network fails on the inputs, or does not return logits `(N, classes)`.
    """
    try:
        with torch.no_grad():
            logits: object = model(inputs[:1])
    # A network of the user may raise anything.
    except Exception as error:
        raise RectGradError(
            f"the network failed on inputs of shape {tuple(inputs[:1].shape)}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(logits, Tensor) or logits.dim() != 2:  # noqa: PLR2004
        shape = f" of shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else ""
        raise RectGradError(
            f"the network returned a {type(logits).__name__}{shape}, expected logits of shape "
            "(N, classes); give a function that returns a network with such an output"
        )
    return predictions(model, inputs, 4 * batch_size(inputs))


def _loadable(name: str, known: KnownGroup) -> list[str]:
    rows = [registry.find(each) for each in known.checkpoints]
    found = [row.name for row in rows if row is not None and registry.is_loadable(row)]
    if not found:
        raise RectGradError(
            f"none of the checkpoints {', '.join(known.checkpoints)} of {name} can be loaded here; "
            "they are in zoo/hub of a checkout"
        )
    return found


def _network(name: str, kind: Kind) -> Network:
    model, recipe = rectgrad_zoo.load(name), rectgrad_zoo.recipe(name)
    sha256 = rectgrad_zoo.provenance(model).sha256
    if kind == "Fashion-MNIST":  # grey images
        return Network(name, sha256, model, recipe, mean=(0.5,), std=(0.5,))
    return Network(name, sha256, model, recipe)


def _group(
    name: str, data: BoardData, networks: "tuple[Network, ...] | list[Network]", images: int
) -> BoardGroup:
    made = tuple(board_network(data, network, images) for network in networks)
    return BoardGroup(name, data.name, made, data.note)


def board_network(data: BoardData, network: Network, images: int) -> BoardNetwork:
    """A network with its images.

    Args:
        data: its data.
        network: the network.
        images: number of explained images.

    Returns:
        The network for the board.
    """
    test = network.with_occlusion(data.images("test"))
    train = network.with_occlusion(data.images("train"))
    inputs = network.inputs(test.images[:images])
    return BoardNetwork(
        name=network.name,
        sha256=network.sha256,
        model=network.model,
        inputs=inputs,
        targets=predicted(network.model, inputs),
        references=network.inputs(train.images[:images]),
        regions=dict(_regions(data, network, test, images)),
        training=TrainingImages(train.images, train.labels, network.inputs),
    )


def _regions(
    data: BoardData, network: Network, test: LabelledImages, images: int
) -> "list[tuple[str, RegionImages]]":
    found = []
    if data.has_masks:
        masked = data.masked()
        seen = network.with_occlusion(masked).images[:images]
        found.append((OBJECT, _explained(network, seen, masked.masks[:images])))
    if network.occlusion is not None:
        side = network.occlusion.size - MARGIN
        corner = torch.zeros(images, *test.images.shape[-2:], dtype=torch.bool)
        corner[:, :side, :side] = True
        found.append((NOISE_REGION, _explained(network, test.images[:images], corner)))
    backdoor = network.recipe.backdoor if network.recipe is not None else None
    if backdoor is not None:
        indices = (test.labels != backdoor.target).nonzero().flatten()[:images]
        clean = test.images[indices]
        seen, marks = stamp_trigger(clean, backdoor, indices=indices.tolist())
        with_trigger = _explained(network, seen, marks[:, 0])
        # The trigger is the evidence where the network predicts its class because of it.
        without = predicted(network.model, network.inputs(clean))
        valid = (with_trigger.targets == backdoor.target) & (without != backdoor.target)
        found.append((TRIGGER, replace(with_trigger, valid=valid)))
    return found


def _explained(network: Network, images: Tensor, regions: Tensor) -> RegionImages:
    inputs = network.inputs(images)
    return RegionImages(inputs, predicted(network.model, inputs), regions[: len(images)])
