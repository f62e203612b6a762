"""Output files: never in the place of another kind of file."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from captum_rectgrad.cli.output_files import check_figure_format, check_output, figure_files

ENDINGS = sorted(set(FigureCanvasAgg.get_supported_filetypes()) - {"pgf"})


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
    photo, link, hard = (tmp_path / name for name in ("photo.png", "link.png", "hard.png"))
    Figure().savefig(photo)
    link.symlink_to(photo)
    hard.hardlink_to(photo)
    for file in (photo, link, hard, tmp_path / "x" / ".." / "photo.png"):
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


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that takes no files")
def test_a_new_folder_where_none_can_be_made_is_refused() -> None:
    with pytest.raises(ValueError, match="no files can be made in '/proc'"):
        check_output(Path("/proc/new/figure.png"), set(), create=True)


@pytest.mark.parametrize("target", ["new.png", "no/such/new.png", "self.png"])
def test_a_link_to_nothing_is_kept_and_its_file_not_made(target: str, tmp_path: Path) -> None:
    link = tmp_path / "self.png"
    link.symlink_to(target)
    if target == "new.png":
        check_output(link, set())
    else:
        with pytest.raises(ValueError, match="cannot write"):
            check_output(link, set())
    assert list(tmp_path.iterdir()) == [link]
    assert link.is_symlink()


def test_a_format_of_several_files_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'figure\.pgf' must end in one of"):
        check_figure_format(Path("figure.pgf"))


def test_one_figure_or_one_per_image(tmp_path: Path) -> None:
    assert figure_files(str(tmp_path / "one.png"), ["a"]) is None
    names = ["cat", "photos/dog.jpg", "http://host/a b.png"]
    expected = ["cat.png", "photos_dog.jpg.png", "http___host_a b.png.png"]
    for out in (str(tmp_path), f"{tmp_path}/", f"{tmp_path}/{{name}}.png"):
        assert figure_files(out, names) == {
            name: tmp_path / file for name, file in zip(names, expected, strict=True)
        }
    for out in ("sub/{nam}.jpg", "{}.png", "{name}-{model}.png"):
        with pytest.raises(ValueError, match=r"got the placeholder .* did you mean \{name\}\?"):
            figure_files(out, names)
    with pytest.raises(ValueError, match="two images would be written to the same file"):
        figure_files("maps/", ["a/b", "a_b"])
