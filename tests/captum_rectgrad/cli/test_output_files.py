"""Written files: whole, and never in the place of another kind of file."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from captum_rectgrad.cli.output_files import (
    check_figure_format,
    check_output,
    figure_files,
    written_whole,
)

ENDINGS = sorted(set(FigureCanvasAgg.get_supported_filetypes()) - {"pgf"})  # "pgf" runs LaTeX


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_earlier_figure_is_replaced_and_another_file_is_not(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"figure.{ending}"
    check_figure_format(file)
    Figure().savefig(file)
    check_output(file, set())
    if ending not in {"raw", "rgba"}:  # plain pixels
        file.write_text("my notes")
        with pytest.raises(ValueError, match=rf"is not a \.{ending} file, so it is not overwr"):
            check_output(file, set())
    assert not list(tmp_path.glob(".*"))


def test_maps_replace_maps(tmp_path: Path) -> None:
    file = tmp_path / "maps.npz"
    np.savez(file, a=np.zeros(1))
    check_output(file, set())
    file.write_bytes(b"\x89PNG")
    with pytest.raises(ValueError, match=r"is not a \.npz file"):
        check_output(file, set())


def test_an_input_is_not_overwritten_by_any_name(tmp_path: Path) -> None:
    photo, link = tmp_path / "photo.png", tmp_path / "link.png"
    Figure().savefig(photo)
    link.symlink_to(photo)
    for file in (photo, link, tmp_path / "x" / ".." / "photo.png"):
        with pytest.raises(ValueError, match="is an input"):
            check_output(file, {photo.resolve()})


def test_the_check_leaves_nothing(tmp_path: Path) -> None:
    check_output(tmp_path / "new.png", set())
    check_output(tmp_path / "a" / "b" / "new.png", set(), create=True)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="cannot write"):
        check_output(tmp_path / "a" / "new.png", set())
    (tmp_path / "a").touch()
    with pytest.raises(ValueError, match="a' is a file"):
        check_output(tmp_path / "a" / "b" / "new.png", set(), create=True)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file, link = tmp_path / "figure.png", tmp_path / "link.png"
    file.write_text("old")
    link.symlink_to(file)

    def write(text: str) -> None:
        with written_whole(link) as unfinished:
            unfinished.write_text(text)
            if text == "half":
                raise RuntimeError(text)

    with pytest.raises(RuntimeError):
        write("half")
    assert file.read_text() == "old"
    write("new")
    assert file.read_text() == "new"
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [file, link]


def test_one_figure_or_one_per_image(tmp_path: Path) -> None:
    assert figure_files(str(tmp_path / "one.png"), ["a"]) is None
    names = ["cat", "photos/dog.jpg", "http://host/a b.png"]
    expected = ["cat.png", "photos_dog.jpg.png", "http___host_a b.png.png"]
    for out in (str(tmp_path), f"{tmp_path}/", f"{tmp_path}/{{name}}.png"):
        assert figure_files(out, names) == {
            name: tmp_path / file for name, file in zip(names, expected, strict=True)
        }
    with pytest.raises(ValueError, match="two images would be written to the same file"):
        figure_files("maps/", ["a/b", "a_b"])
