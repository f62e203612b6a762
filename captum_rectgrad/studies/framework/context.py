"""The context of a study: data, methods, device, seed."""

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
from captum_rectgrad.studies.compute.maps import MapBatch, finished, predictions, stream_maps
from captum_rectgrad.studies.compute.precision import Precision
from captum_rectgrad.studies.compute.time_limit import TimeLimit
from captum_rectgrad.studies.data.study_data import MaskedImages, Network, StudyData
from captum_rectgrad.studies.options import BATCH_SIZE, FINAL_PERCENTILE, FINALS, Final, Role
from rectgrad_zoo.data.cifar10 import Split
from rectgrad_zoo.data.images import LabelledImages

# Names in results and folders; they are the same for all data, so that results are comparable.
IMAGES: Mapping[Split, str] = {"train": "training images", "test": "test images"}
MASKED = "images with masks"
NETWORKS: Mapping[Role, str] = {role: f"network {role}" for role in get_args(Role)}


@dataclass(eq=False)
class StudyContext:
    """Data, methods and device of a study; it records which data and networks were used.

    Attributes:
        study_data: images, masks, networks.
        methods: the compared methods, in order.
        device: device of the networks in this process.
        batch_size: initial batch size.
        seed: seed of all random numbers.
        final_percentile: threshold of the baselines' maps (section 5.2); None: none.
        folder: folder for intermediate results, from which a run is resumed.
        cluster: cluster for the parallel parts of a study; None: this process.
        stack: number of networks trained at once in this process; None: chosen by the device.
        precision: precision of trainings; None: chosen by the device.
        only_finished: whether roar-kar trains nothing and tabulates the finished networks.
        time_limit: limit on the time of the run.
        pack: file for the finished cells of roar-kar, written at the end of the run; or None.
        unpack: file of such cells to begin with; or None.
        used: names and hashes of the used data and networks, by role.
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
    precision: Precision | None = None
    only_finished: bool = False
    time_limit: TimeLimit = field(default_factory=TimeLimit)
    pack: Path | None = None
    unpack: Path | None = None
    used: dict[str, str] = field(default_factory=dict)

    def images(self, split: Split, count: int | None = None) -> LabelledImages:
        """The first images of a split.

        Args:
            split: train or test.
            count: number of images; None: all.

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
        """The first network of a role, on `device`."""
        return self._loaded(role, 1)[0]

    def networks(self, role: Role) -> tuple[Network, ...]:
        """All networks of a role, on `device`. They differ by the seed of their training."""
        return self._loaded(role, None)

    def _loaded(self, role: Role, count: int | None) -> tuple[Network, ...]:
        networks = self.study_data.networks(role)[:count]
        said = "; ".join(f"{network.name}, SHA-256 {network.sha256}" for network in networks)
        if not self.used.get(NETWORKS[role], "").startswith(said):  # else more of them are used
            self.used[NETWORKS[role]] = said
        for network in networks:
            network.model.to(self.device)
        return networks

    def use(self, names: Iterable[str], *, one_network: bool = False) -> None:
        """Record data and networks as used, in their present state.

        Args:
            names: keys of `used`; unknown keys are ignored.
            one_network: whether only the first network of each role is used.

        Raises:
            RectGradError: the data or a network is no longer available.
            ZooError: a checkpoint is no longer available.
        """
        found: dict[str, Callable[[], object]] = {MASKED: self.masked}
        found |= {name: partial(self.images, split) for split, name in IMAGES.items()}
        load = self.network if one_network else self.networks
        found |= {name: partial(load, role) for role, name in NETWORKS.items()}
        for name in names:
            if name in found:
                found[name]()

    def predictions(self, network: Network, images: Tensor) -> Tensor:
        """The classes with a network's highest logits; see `maps.predictions`."""
        return predictions(network.model, images, self.batch_size)

    def maps(
        self,
        method: Method,
        network: Network,
        images: Tensor,
        targets: Tensor,
        split: Split = "test",
    ) -> Iterator[MapBatch]:
        """Stream a method's maps, without a final threshold.

        Args:
            method: the method.
            network: the explained network.
            images: `(N, 3, H, W)`, as `model_inputs` takes them.
            targets: the classes to explain, `(N,)`.
            split: split of the images; the two splits have different random numbers.

        Yields:
            The maps, in order; see `stream_maps`.

        Raises:
            MethodUnreliableError: the method is unreliable on this network.
            RectGradError: the cluster is not usable; see `studies.compute.cluster`.
            TimeUpError: the time of the run is up.
        """
        stream = stream_maps
        if self.cluster is not None:
            require_ray()
            from captum_rectgrad.studies.compute.cluster import maps_on_cluster  # noqa: PLC0415 (needs Ray)

            stream = partial(maps_on_cluster, self.cluster)
        self.time_limit.check()
        for batch in stream(
            method,
            network.model,
            images,
            targets,
            batch_size=self.batch_size,
            seed=derived_seed(self.seed, split),
        ):
            yield batch
            self.time_limit.check()

    def few_maps(self, method: Method, network: Network, images: Tensor, targets: Tensor) -> Tensor:
        """The maps of a few images in one batch, `(N, C, H, W)`."""
        return torch.cat([batch.maps for batch in self.maps(method, network, images, targets)])

    @property
    def worker_device(self) -> torch.device:
        """Device of parallel work."""
        return self.device if self.cluster is None else self.cluster.device

    @property
    def worker_threads(self) -> int:
        """Number of threads of parallel work."""
        return torch.get_num_threads() if self.cluster is None else WORKER_THREADS

    @property
    def finals(self) -> tuple[Final, ...]:
        """Final thresholds of the baselines' maps, the primary one first."""
        return ("none",) if self.final_percentile is None else FINALS

    def finished(self, method: Method, maps: Tensor, final: Final) -> Tensor:
        """Maps with a final threshold; see `maps.finished`."""
        percentile = FINAL_PERCENTILE if self.final_percentile is None else self.final_percentile
        return finished(method, maps, final, percentile)
