import gzip
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from rectgrad_zoo.data.idx_files import has_idx_files, read_idx_files
from rectgrad_zoo.errors import ZooError

SIZE = (2, 3)
PIXELS = bytes(range(12))
IMAGES = struct.pack(">4I", 0x803, 2, 2, 3) + PIXELS
LABELS = struct.pack(">2I", 0x801, 2) + bytes([7, 3])
FILES = {"t10k-images-idx3-ubyte": IMAGES, "t10k-labels-idx1-ubyte": LABELS}


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_images_and_labels_are_read_in_order(tmp_path: Path, suffix: str) -> None:
    assert not has_idx_files(tmp_path, "test")
    for name, content in FILES.items():
        (tmp_path / f"{name}{suffix}").write_bytes(gzip.compress(content) if suffix else content)
    assert has_idx_files(tmp_path, "test")
    assert not has_idx_files(tmp_path, "train")
    images, labels = read_idx_files(tmp_path, "test", SIZE)
    assert images.dtype == labels.dtype == np.dtype(np.uint8)
    assert images.tolist() == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]
    assert labels.tolist() == [7, 3]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("images-idx3", gzip.compress(IMAGES)[:-9], "ubyte.gz cannot be read .*Copy it again"),
        ("images-idx3", IMAGES, "ubyte.gz cannot be read .*gzip"),
        ("images-idx3", gzip.compress(IMAGES[:-1]), r"2 elements of shape \(2, 3\), and has 11"),
        ("images-idx3", gzip.compress(IMAGES + b"0"), "and has 13 bytes"),
        ("images-idx3", gzip.compress(LABELS), "not begin as an idx file of images of 2 x 3"),
        ("images-idx3", gzip.compress(b""), "not begin as an idx file of images of 2 x 3"),
        ("images-idx3", gzip.compress(bytes(700_000)), "unpacks to more than 600,016 bytes"),
        ("labels-idx1", gzip.compress(LABELS.replace(b"\x08", b"\x0d")), "idx file of labels"),
        (
            "labels-idx1",
            gzip.compress(struct.pack(">2I", 0x801, 1) + b"\x00"),
            "has 2 images and 1 labels of the split test",
        ),
        ("labels-idx1", None, "has no t10k-labels-idx1-ubyte.gz"),
    ],
    ids=["half", "no gzip", "short", "long", "labels", "empty", "bomb", "type", "number", "none"],
)
def test_damaged_files_are_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    for each, good in FILES.items():
        (tmp_path / f"{each}.gz").write_bytes(gzip.compress(good))
    file = tmp_path / f"t10k-{name}-ubyte.gz"
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(ZooError, match=message):
        read_idx_files(tmp_path, "test", SIZE)


def test_a_folder_in_place_of_a_file_is_refused(fashion_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(fashion_folder, tmp_path / "copy")
    (tmp_path / "copy" / "t10k-labels-idx1-ubyte.gz").unlink()
    (tmp_path / "copy" / "t10k-labels-idx1-ubyte.gz").mkdir()
    with pytest.raises(ZooError, match="is not a regular file"):
        read_idx_files(tmp_path / "copy", "test", (28, 28))
