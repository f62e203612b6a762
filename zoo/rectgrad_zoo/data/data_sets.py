"""The data sets of the zoo: names on the Hub, classes, image sizes and layouts of files."""

from dataclasses import dataclass
from typing import Literal

from rectgrad_zoo.data.images import CIFAR10_CLASSES

Split = Literal["train", "test"]


@dataclass(frozen=True)
class DataSet:
    """A data set of labelled images.

    Attributes:
        name: Name on the Hub, as in `[data]` of a recipe.
        title: Name in texts.
        classes: Names of the classes, by label.
        input_size: Channels, height and width of every image; 3 channels are RGB, 1 is grey.
        image_column: Column of the images in parquet files; the labels are in `label`.
        parquet_folder: Folder of the parquet files within a copy of the Hub's repository.
        other_layout: Format of a folder without parquet files: `pictures`, one folder of image
            files per class, or `idx`, the files of MNIST.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    input_size: tuple[int, int, int]
    image_column: str
    parquet_folder: str
    other_layout: Literal["pictures", "idx"]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of every image, in pixels."""
        return self.input_size[1:]


CIFAR10 = DataSet(
    name="uoft-cs/cifar10",
    title="CIFAR-10",
    classes=CIFAR10_CLASSES,
    input_size=(3, 32, 32),
    image_column="img",
    parquet_folder="plain_text",
    other_layout="pictures",
)
FASHION_MNIST = DataSet(
    name="zalando-datasets/fashion_mnist",
    title="Fashion-MNIST",
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    input_size=(1, 28, 28),
    image_column="image",
    parquet_folder="fashion_mnist",
    other_layout="idx",
)
DATA_SETS = {data_set.name: data_set for data_set in (CIFAR10, FASHION_MNIST)}
