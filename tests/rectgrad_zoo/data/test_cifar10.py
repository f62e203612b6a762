import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from rectgrad_zoo.data.cifar10 import read_cifar10
from rectgrad_zoo.data.images import CIFAR10_CLASSES, LabelledImages
from rectgrad_zoo.errors import ZooError

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write_rows(
    folder: Path, cells: list[bytes | None], labels: list[int | None], path: str | None = "x.png"
) -> Path:
    (folder / "plain_text").mkdir()
    rows = pa.array([{"bytes": cell, "path": path} for cell in cells], IMAGE)
    table = pa.table({"img": rows, "label": pa.array(labels, pa.int64())})
    pq.write_table(table, folder / "plain_text" / "test-00000-of-00001.parquet")
    return folder


def png(width: int, height: int) -> bytes:
    encoded = io.BytesIO()
    Image.new("RGB", (width, height), (1, 2, 3)).save(encoded, format="PNG")
    return encoded.getvalue()


def test_images_come_decoded_in_the_order_of_the_file(data_folder: Path) -> None:
    data = read_cifar10(data_folder, "test")
    pixels = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert len(data) == 30
    assert data.images.shape == (30, 3, 32, 32)
    assert data.images.dtype == torch.uint8
    assert torch.equal(data.images[0], torch.from_numpy(pixels).permute(2, 0, 1))
    assert data.labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_a_path_beside_the_right_one_is_answered_with_what_to_give(data_folder: Path) -> None:
    inner = data_folder / "plain_text"
    with pytest.raises(ZooError, match=f"Pass the parent folder: {data_folder}"):
        read_cifar10(inner, "test")
    for source in (next(inner.iterdir()), "csv", "parquet", data_folder / "no-such"):
        with pytest.raises(ZooError, match="neither a local folder nor the name of a data set"):
            read_cifar10(source, "test")


def test_a_picture_of_enormous_size_is_refused(tmp_path: Path) -> None:
    size = struct.pack(">II", 30_000, 30_000)
    header = png(32, 32)[:16] + size + png(32, 32)[24:29]
    bomb = header + struct.pack(">I", zlib.crc32(header[12:])) + png(32, 32)[33:]
    with pytest.raises(ZooError, match=r"row 0: expected an image file .*DecompressionBomb"):
        read_cifar10(write_rows(tmp_path, [bomb], [0]), "test")


def test_a_picture_of_another_size_is_not_decoded(tmp_path: Path) -> None:
    damaged = png(9_000, 9_000)[:100]
    with pytest.raises(ZooError, match=r"expected an image of 32 x 32, got \(9000, 9000\)"):
        read_cifar10(write_rows(tmp_path, [damaged], [0]), "test")


def repeated(picture: bytes, count: int) -> pa.Table:
    """Rows of one picture, which the file holds once."""
    indices = pa.array([0] * count, pa.int32())
    pictures = pa.DictionaryArray.from_arrays(indices, pa.array([picture], pa.binary()))
    cells = pa.StructArray.from_arrays([pictures, pa.array(["x"] * count)], ["bytes", "path"])
    return pa.table({"img": cells, "label": [0] * count})


def test_a_small_file_of_large_content_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain_text").mkdir()
    file = tmp_path / "plain_text" / "test-00000-of-00001.parquet"
    large = pa.table({"img": pa.array([None], IMAGE), "label": [0], "zeros": [bytes(2**28)]})
    for rows, message in (
        (repeated(bytes(2**21), 5_000), r"row 0: .* at most 1,048,576 bytes, got 2,097,152"),
        (repeated(png(32, 32), 100_001), r"row 100000: expected at most 100,000 rows"),
        (large, r"268,[0-9,]+ bytes without its compression.* at most 268,435,456"),
    ):
        pq.write_table(rows, file, store_schema=False, compression="zstd")
        assert file.stat().st_size < 100_000
        with pytest.raises(ZooError, match=message):
            read_cifar10(tmp_path, "test")


def test_a_struct_without_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain_text").mkdir()
    table = pa.table({"img": [{"data": b"1"}], "label": [0]})
    pq.write_table(table, tmp_path / "plain_text" / "test-00000-of-00001.parquet")
    with pytest.raises(ZooError, match="row 0: expected an image file, got None"):
        read_cifar10(tmp_path, "test")


def test_a_folder_without_the_files_is_named_with_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"test-\*\.parquet.*uoft-cs/cifar10"):
        read_cifar10(tmp_path, "test")


def test_missing_pyarrow_is_named_with_the_extra(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ZooError, match=r"pip install 'captum-rectgrad\[studies\]'"):
        read_cifar10(data_folder, "test")


def test_a_parquet_file_of_other_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain_text").mkdir()
    file = tmp_path / "plain_text" / "test-00000-of-00001.parquet"
    pq.write_table(pa.table({"image": [1], "label": [2]}), file)
    with pytest.raises(ZooError, match=r"columns \['image', 'label'\].*missing: \['img'\]"):
        read_cifar10(tmp_path, "test")


def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain_text").mkdir()
    (tmp_path / "plain_text" / "test-00000-of-00001.parquet").write_bytes(b"half a downl")
    with pytest.raises(ZooError, match="not a readable parquet file"):
        read_cifar10(tmp_path, "test")


@pytest.mark.parametrize(
    ("cell", "label", "message"),
    [
        (b"not an image", 0, r"row 0: expected an image file"),
        (png(32, 32)[:60], 0, r"row 0: expected an image file"),
        (png(32, 30), 0, r"expected an image of 32 x 32, got \(30, 32\)"),
        (png(32, 32), 10, r"row 0: expected a label from 0 to 9, got 10"),
        (png(32, 32), None, r"row 0: expected a label from 0 to 9, got None"),
        (None, 0, r"row 0: cannot read the image file: .*plain_text.x\.png"),
    ],
    ids=["no image", "half an image", "size", "label", "no label", "no bytes"],
)
def test_bad_rows_are_refused(
    tmp_path: Path, cell: bytes | None, label: int | None, message: str
) -> None:
    with pytest.raises(ZooError, match=message):
        read_cifar10(write_rows(tmp_path, [cell], [label]), "test")


def test_an_empty_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="got no rows"):
        read_cifar10(write_rows(tmp_path, [], []), "test")


def test_rows_without_an_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="row 0: expected an image file, got None"):
        read_cifar10(write_rows(tmp_path, [None], [0], path=None), "test")
    file = tmp_path / "plain_text" / "test-00000-of-00001.parquet"
    pq.write_table(pa.table({"img": pa.array([None], IMAGE), "label": [0]}), file)
    with pytest.raises(ZooError, match="row 0: expected an image file, got None"):
        read_cifar10(tmp_path, "test")


def test_an_image_that_is_named_lies_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    write_rows(tmp_path, [None], [3])
    (tmp_path / "plain_text" / "x.png").write_bytes(png(32, 32))
    assert read_cifar10(tmp_path, "test").images[0, :, 0, 0].tolist() == [1, 2, 3]


def write_pictures(folder: Path, data: LabelledImages) -> None:
    for number, (image, label) in enumerate(zip(data.images, data.labels.tolist(), strict=True)):
        place = folder / CIFAR10_CLASSES[label]
        place.mkdir(parents=True, exist_ok=True)
        pixels = image.permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(place / f"{number:04d}.png")


def test_folders_of_pictures_hold_the_same_images_in_the_order_of_classes(
    data_folder: Path, tmp_path: Path
) -> None:
    data = read_cifar10(data_folder, "test")
    write_pictures(tmp_path / "test", data)
    (tmp_path / "test" / ".ipynb_checkpoints").mkdir()  # an editor's
    read = read_cifar10(str(tmp_path), "test")
    order = torch.argsort(data.labels, stable=True)
    assert torch.equal(read.images, data.images[order])
    assert torch.equal(read.labels, data.labels[order])


def test_folders_of_other_classes_are_refused(data_folder: Path, tmp_path: Path) -> None:
    write_pictures(tmp_path / "test", read_cifar10(data_folder, "test"))
    (tmp_path / "test" / "truck").rename(tmp_path / "test" / "lorry")
    with pytest.raises(ZooError, match=r"has the folders \['airplane'.*'lorry'.*expected"):
        read_cifar10(tmp_path, "test")
    (tmp_path / "test" / "ship" / "0008.png").write_bytes(b"no picture")
    (tmp_path / "test" / "lorry").rename(tmp_path / "test" / "truck")
    with pytest.raises(ZooError, match=r"ship.0008\.png: expected an image file"):
        read_cifar10(tmp_path, "test")


def test_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(ZooError, match="expected one folder of pictures per class"):
        read_cifar10(tmp_path, "train")
    (tmp_path / "train" / "cat").mkdir()
    with pytest.raises(ZooError, match="expected one folder of pictures per class"):
        read_cifar10(tmp_path, "train")


def test_a_path_in_a_data_set_does_not_lead_out_of_its_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside.png"
    Image.new("RGB", (32, 32)).save(outside)
    (tmp_path / "data").mkdir()
    for number, path in enumerate((str(outside), "../../outside.png")):
        folder = tmp_path / "data" / str(number)
        folder.mkdir()
        with pytest.raises(ZooError, match="leads out of the folder"):
            read_cifar10(write_rows(folder, [None], [0], path), "test")
