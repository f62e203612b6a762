"""What every study is given beside its own configuration: material, methods, device, seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from captum_rectgrad.methods import Method
from captum_rectgrad.studies.maps import FINAL_PERCENTILE, MapBatch, predictions, stream_maps
from captum_rectgrad.studies.material import MaskedImages, Material, Network, Role
from captum_rectgrad.studies.seeds import derived_seed
from rectgrad_zoo.data import LabelledImages
from rectgrad_zoo.reading import Split

BATCH_SIZE = 200
EngineName = Literal["local", "ray"]


@dataclass(eq=False)
class Lab:
    """Material, methods and a machine; it keeps a record of what was used.

    Attributes:
        material: images, masks, networks.
        methods: what is compared, in order.
        device: where networks run.
        batch_size: images in memory, to begin with.
        seed: of all that is random.
        final_percentile: threshold of the baselines' maps (section 5.2); None: none.
        folder: where a study may keep what it can go on from.
        engine: who does what a study can hand out in parts: this process, or a Ray cluster.
        address: of the cluster, as `ray.init` takes it; None: one that `RAY_ADDRESS` names, or
            else one on this machine alone.
        used: what was used, by what it is: names with hashes or fingerprints.
    """

    material: Material
    methods: Sequence[Method]
    folder: Path
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    batch_size: int = BATCH_SIZE
    seed: int = 0
    final_percentile: float | None = FINAL_PERCENTILE
    engine: EngineName = "local"
    address: str | None = None
    used: dict[str, str] = field(default_factory=dict)

    def images(self, split: Split, count: int | None = None) -> LabelledImages:
        """The first images of a split.

        Args:
            split: which.
            count: how many; None: all.

        Returns:
            The images.
        """
        data = self.material.images(split)
        self.used[f"{self.material.name}, {split}"] = data.fingerprint()
        return LabelledImages(data.images[:count], data.labels[:count])

    def masked(self) -> MaskedImages:
        """All images with masks."""
        data = self.material.masked()
        self.used[f"{self.material.name}, images with masks"] = data.fingerprint()
        return data

    def network(self, role: Role) -> Network:
        """The network of a role, on the device."""
        network = self.material.network(role)
        self.used[f"network {network.name}"] = network.sha256
        network.model.to(self.device)
        return network

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
            NotAvailableError: the method would not be itself on this network.
        """
        yield from stream_maps(
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
    def finals(self) -> dict[str, float | None]:
        """Final thresholds for studies that show maps without and with: by their name."""
        without: dict[str, float | None] = {"none": None}
        if self.final_percentile is None:
            return without
        return {**without, f"{self.final_percentile:g}th percentile": self.final_percentile}
