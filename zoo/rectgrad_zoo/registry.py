"""The zoo's table: one row for each checkpoint that has a name of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# Who publishes this project's own checkpoints on the Hub.
OWNER = "captum-rectgrad"
# Only a checkout of the project's repository has it.
HUB_FOLDER = Path(__file__).parents[1] / "hub"


@dataclass(frozen=True)
class Checkpoint:
    """One row of the table.

    Attributes:
        name: What `rectgrad_zoo.load` is asked for.
        architecture: Name of the timm architecture.
        data: What it was trained on.
        source: `embedded`: in this package, under `checkpoints/`; `package`: in another package
            from the registry, installed as an extra; `hub`: a repository on the Hugging Face Hub.
        sha256: SHA-256 of the weights file, hexadecimal, which every load is held to; `None` if it
            is not pinned: then the hash and the commit that were found are recorded.
        license: License of the weights.
        purpose: What it is for.
        repo: Repository on the Hub, `OWNER/NAME`.
        revision: Commit of it that is loaded; `None` if it is not pinned: then the main branch.
        published: Whether that repository is there. This project's own are there only once a
            maintainer has run `rectgrad zoo publish`; until then, and in a checkout of the
            project's repository, the folder `zoo/hub/NAME` is what they will be.
    """

    name: str
    architecture: str
    data: str
    source: Literal["embedded", "package", "hub"]
    sha256: str | None
    license: str
    purpose: str
    repo: str | None = None
    revision: str | None = None
    published: bool = True

    @property
    def place(self) -> str:
        """Where the weights are, and at which revision, in words."""
        if self.repo is None:
            return "in this package" if self.source == "embedded" else "in another package"
        if not self.published:
            return f"in zoo/hub of a checkout; on the Hub once published: {self.repo}"
        return f"on the Hub: {self.repo}, revision {self.revision or 'not pinned'}"


def _own(
    name: str, sha256: str, *, data: str, purpose: str, architecture: str = "cifar10_cnn"
) -> Checkpoint:
    """A row for one of the project's own that are meant for the Hub."""
    return Checkpoint(
        name=name,
        architecture=architecture,
        data=data,
        source="hub",
        sha256=sha256,
        license="BSD-3-Clause",
        purpose=purpose,
        repo=f"{OWNER}/{name}",
        published=False,
    )


CHECKPOINTS = (
    Checkpoint(
        name="cifar10_cnn",
        architecture="cifar10_cnn",
        data="CIFAR-10",
        source="embedded",
        sha256="89d8d7066313547b4e5fca59ec5142311609bec6858edc8779faaa9ff804b17e",
        license="BSD-3-Clause",
        purpose="the CNN of Kim et al. 2019, appendix F.2",
    ),
    Checkpoint(
        name="cifar10_cnn_occluded",
        architecture="cifar10_cnn",
        data="CIFAR-10 behind a fixed 10 x 10 noise patch",
        source="embedded",
        sha256="f2c317e2c8fc1fe302f1727855678a391d45487ac5188158bba06628a77244f3",
        license="BSD-3-Clause",
        purpose="how much attribution falls on a region without information",
    ),
    _own(
        "cifar10_cnn_noise",
        "0ca23c064eaba5df9e6d260ac83352aa45b991a727f5568dc2ce882b59965912",
        data="CIFAR-10 behind 10 x 10 noise of each image's own",
        purpose="a control for cifar10_cnn_occluded: no patch to get used to",
    ),
    _own(
        "cifar10_cnn_adversarial",
        "093a6212be67b0e6dc9405cb664db5c6d9788aded7f87aa6189149f4e3e62bc5",
        data="CIFAR-10, attacked in training",
        purpose="whether maps are cleaner of a network that withstands small changes",
    ),
    _own(
        "cifar10_cnn_untrained",
        "d099d65bbba56ef0a9b4a7faeca5d00a36facf146f612ce5730e2aad9ed49c2d",
        data="nothing",
        purpose="a control for sanity checks: a network that knows nothing",
    ),
    _own(
        "cifar10_cnn_random_labels",
        "d0a1899244bd61c290622853617d01f83140cccb1b09337795671d13cf020338",
        data="10,000 images of CIFAR-10 with shuffled labels",
        purpose="a control for sanity checks: a network that learnt by heart, and no classes",
    ),
    _own(
        "cifar10_cnn_seed1",
        "4abcb1208e6ac28c6fde573f85b5220c6d76b28773ec7a0316278a30cb45e6c3",
        data="CIFAR-10",
        purpose="cifar10_cnn from other random numbers: what differs between trainings",
    ),
    _own(
        "cifar10_cnn_seed2",
        "c7c9ba9e39e27e5864fd9f43c20d0a502bd97b3006447971bc6942b1cc727bd4",
        data="CIFAR-10",
        purpose="cifar10_cnn from other random numbers: what differs between trainings",
    ),
    _own(
        "cifar10_cnn_occluded_seed1",
        "8b55b6d7a236a047c74c556d044c494968068496295d83fea55447db210649ae",
        data="CIFAR-10 behind a fixed 10 x 10 noise patch",
        purpose="cifar10_cnn_occluded from other random numbers: what differs between trainings",
    ),
    _own(
        "cifar10_cnn_occluded_seed2",
        "df3d56bc3c8d90814f7853b57232dc8936dcc6d3eccdcee233318a2177272e7a",
        data="CIFAR-10 behind a fixed 10 x 10 noise patch",
        purpose="cifar10_cnn_occluded from other random numbers: what differs between trainings",
    ),
    _own(
        "cifar10_resnet",
        "aabfb5575a5bc16442fe46ac68068c07f04f348c06347c7b8546aad459f2743e",
        data="CIFAR-10",
        purpose="batch norms and skip connections: more than a plain CNN",
        architecture="cifar10_resnet",
    ),
    Checkpoint(
        name="tf_efficientnet_lite0",
        architecture="tf_efficientnet_lite0",
        data="ImageNet-1k",
        source="package",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        license="Apache-2.0",
        purpose="photographs at 224 x 224 without a download",
    ),
    Checkpoint(
        name="inception_v4.tf_in1k",
        architecture="inception_v4",
        data="ImageNet-1k",
        source="hub",
        sha256=None,
        license="Apache-2.0",
        purpose="the ImageNet network of Kim et al. 2019",
        repo="timm/inception_v4.tf_in1k",
    ),
    Checkpoint(
        name="vgg16.tv_in1k",
        architecture="vgg16",
        data="ImageNet-1k",
        source="hub",
        sha256=None,
        license="BSD-3-Clause",
        purpose="the network of Nie et al. 2018: no skip connections, max-pooling",
        repo="timm/vgg16.tv_in1k",
    ),
    Checkpoint(
        name="resnet50.tv_in1k",
        architecture="resnet50",
        data="ImageNet-1k",
        source="hub",
        sha256=None,
        license="BSD-3-Clause",
        purpose="the network of Nie et al. 2018: skip connections, few max-pools",
        repo="timm/resnet50.tv_in1k",
    ),
)


def names() -> list[str]:
    """Names of the zoo's checkpoints.

    Returns:
        They are in the order of the table.

    Examples:
        >>> import rectgrad_zoo
        >>> rectgrad_zoo.list()[:2]
        ['cifar10_cnn', 'cifar10_cnn_occluded']
    """
    return [checkpoint.name for checkpoint in CHECKPOINTS]


def find(name: str) -> Checkpoint | None:
    """The row of a name, or `None` if the zoo has no such checkpoint."""
    return next((checkpoint for checkpoint in CHECKPOINTS if checkpoint.name == name), None)


def local_folder(checkpoint: Checkpoint, hub: Path | None = None) -> Path | None:
    """Folder of a checkpoint that is here without a download.

    Args:
        checkpoint: The row.
        hub: Where the folders of the project's own are; by default where a checkout has them.

    Returns:
        The folder in this package for an embedded one; in a checkout of the project's repository,
        `zoo/hub/NAME` for one of the project's own on the Hub; `None` for all else.
    """
    if checkpoint.source == "embedded":
        return embedded_folder(checkpoint)
    folder = (hub or HUB_FOLDER) / checkpoint.name
    own = (checkpoint.repo or "").startswith(f"{OWNER}/")
    return folder if own and folder.is_dir() else None


def embedded_folder(checkpoint: Checkpoint) -> Path:
    """Folder of an embedded checkpoint."""
    return Path(__file__).parent / "checkpoints" / checkpoint.name
