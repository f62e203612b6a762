"""What every study is given beside its own configuration: data, methods, device, seed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.studies.compute.engines import WORKER_THREADS, Cluster, require_ray
from captum_rectgrad.studies.compute.maps import MapBatch, predictions, stream_maps
from captum_rectgrad.studies.data.study_data import MaskedImages, Network, StudyData
from captum_rectgrad.studies.options import BATCH_SIZE, FINAL_PERCENTILE, Role
from rectgrad_zoo.data.cifar10 import Split
from rectgrad_zoo.data.images import LabelledImages

# What results and folders call it; the same for every data, so that they can be compared.
IMAGES: Mapping[Split, str] = {"train": "training images", "test": "test images"}
MASKED = "images with masks"
NETWORKS: Mapping[Role, str] = {role: f"network {role}" for role in get_args(Role)}


@dataclass(eq=False)
class StudyContext:
    """Material, methods and a machine; it keeps a record of what was used.

    Attributes:
        study_data: images, masks, networks.
        methods: what is compared, in order.
        device: where this process's networks run.
        batch_size: images in memory, to begin with.
        seed: of all that is random.
        final_percentile: threshold of the baselines' maps (section 5.2); None: none.
        folder: where a study may keep what it can go on from.
        cluster: who does what a study can hand out in parts; None: this process.
        stack: networks that this process trains at once; None: as many as suit the device.
        used: what was used, by its role: names with hashes.
    """

    study_data: StudyData
    methods: Sequence[Method]
    folder: Path
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    batch_size: int = BATCH_SIZE
    seed: int = 0
    final_percentile: float | None = FINAL_PERCENTILE
    cluster: Cluster | None = None
    stack: int | None = None
    used: dict[str, str] = field(default_factory=dict)

    def images(self, split: Split, count: int | None = None) -> LabelledImages:
        """The first images of a split.

        Args:
            split: which.
            count: how many; None: all.

        Returns:
            The images.
        """
        data = self.study_data.images(split)
        self.used[IMAGES[split]] = f"{self.study_data.name}, SHA-256 {data.fingerprint()}"
        return LabelledImages(data.images[:count], data.labels[:count])

    def masked(self) -> MaskedImages:
        """All images with masks."""
        data = self.study_data.masked()
        self.used[MASKED] = f"{self.study_data.name}, SHA-256 {data.fingerprint()}"
        return data

    def network(self, role: Role) -> Network:
        """The network of a role, on the device."""
        network = self.study_data.network(role)
        self.used[NETWORKS[role]] = f"{network.name}, SHA-256 {network.sha256}"
        network.model.to(self.device)
        return network

    def use(self, names: Iterable[str]) -> None:
        """Look things up by what `used` calls them, as they are now, so that it has them.

        Args:
            names: of images and networks; what is none of them is left out.

        Raises:
            RectGradError: one is not here any more.
            ZooError: likewise.
        """
        found: dict[str, Callable[[], object]] = {MASKED: self.masked}
        found |= {name: partial(self.images, split) for split, name in IMAGES.items()}
        found |= {name: partial(self.network, role) for role, name in NETWORKS.items()}
        for name in names:
            if name in found:
                found[name]()

    def predictions(self, network: Network, images: Tensor) -> Tensor:
        """The classes a network gives the highest logits; see `maps.predictions`."""
        return predictions(network.model, images, self.batch_size)

    def maps(
        self,
        method: Method,
        network: Network,
        images: Tensor,
        targets: Tensor,
        split: Split = "test",
    ) -> Iterator[MapBatch]:
        """Stream a method's maps, the baselines' with the final threshold.

        Args:
            method: whose.
            network: what is explained.
            images: `(N, 3, H, W)`, as `model_inputs` takes them.
            targets: the classes to explain, `(N,)`.
            split: which the images are of: what a method draws for one it does not draw for the
                other.

        Yields:
            The maps, in order; see `stream_maps`.

        Raises:
            MethodUnreliableError: the method would not be itself on this network.
            RectGradError: the cluster is not what it should be; see `studies.cluster`.
        """
        stream = stream_maps
        if self.cluster is not None:
            require_ray()
            from captum_rectgrad.studies.compute.cluster import maps_on_cluster  # noqa: PLC0415 (needs Ray)

            stream = partial(maps_on_cluster, self.cluster)
        yield from stream(
            method,
            network.model,
            images,
            targets,
            batch_size=self.batch_size,
            seed=derived_seed(self.seed, split),
            final_percentile=self.final_percentile,
        )

    def few_maps(self, method: Method, network: Network, images: Tensor, targets: Tensor) -> Tensor:
        """The same of a few images, all at once, `(N, C, H, W)`."""
        return torch.cat([batch.maps for batch in self.maps(method, network, images, targets)])

    @property
    def worker_device(self) -> torch.device:
        """Where the networks run of what is handed out."""
        return self.device if self.cluster is None else self.cluster.device

    @property
    def worker_threads(self) -> int:
        """How many threads those have who do what is handed out."""
        return torch.get_num_threads() if self.cluster is None else WORKER_THREADS

    @property
    def finals(self) -> dict[str, float | None]:
        """Final thresholds for studies that show maps without and with: by their name."""
        without: dict[str, float | None] = {"none": None}
        if self.final_percentile is None:
            return without
        return {**without, f"{self.final_percentile:g}th percentile": self.final_percentile}
