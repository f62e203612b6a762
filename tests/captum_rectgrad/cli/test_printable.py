"""What a command prints has no character that commands a terminal, wherever its text is from."""

import io
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import safetensors.torch
import torch
from PIL import Image
from tqdm import tqdm

import rectgrad_zoo
from captum_rectgrad.cli.main import main
from captum_rectgrad.cli.printable import PrintableStream, one_line, printable

# A window title, a cleared screen, an overwritten line, reordered text, an invisible character.
HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202egnp\u2066\u200bx"
FORGED = "\nrectgrad: verified"
MODEL = ("--model", "cifar10_cnn", "--methods", "saliency")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "picture.png"
    Image.effect_noise((64, 48), 90).save(file)
    return file


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of both streams, which have no other control characters."""
    out, err = capsys.readouterr()
    assert (out + err).replace("\n", "").isprintable(), ascii(out + err)
    lines = [*out.splitlines(), *err.splitlines()]
    assert "rectgrad: verified" not in lines
    return lines


def test_control_characters_are_replaced_and_other_text_is_not() -> None:
    assert printable(HOSTILE) == "?]0;owned??[2J??31m?gnp??x"
    text = "Größe 5 µm, 猫, no-break\u00a0space, narrow\u202fspace"
    assert printable(text) == text
    assert printable("a\n\tb", kept="\n\t") == "a\n\tb"
    assert one_line("a\n b\u2028c \x1b") == "a b c ?"


def test_the_name_of_an_image(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = tmp_path / f"{HOSTILE}{FORGED}.png"
    picture.rename(hostile)
    assert main(["explain", str(hostile), *MODEL, "--out", f"{tmp_path}/maps/"]) == 0
    assert len(said(capsys)) == 2
    (figure,) = (tmp_path / "maps").iterdir()
    assert figure.name.isprintable()
    assert main(["explain", str(hostile), str(hostile), *MODEL]) == 2
    assert main(["explain", str(picture), str(hostile) + "x", *MODEL]) == 2
    assert len(said(capsys)) == 2


def test_the_name_of_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "network\nrectgrad - verified"
    shutil.copytree(Path(rectgrad_zoo.__file__).with_name("checkpoints") / "cifar10_cnn", folder)
    small = ("--method", "saliency", "--count", "2", "--steps", "1", "--repeats", "1")
    out = ("--layers", "fc2", "--out", str(tmp_path / "out"))
    assert main(["check", "--model", str(folder), *small, *out]) == 3
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert all(line.startswith("rectgrad: ") for line in lines)


def test_the_arguments_of_a_refused_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["zoo", "show", "cifar10_cnn", f"{HOSTILE}{FORGED}"])
    assert len(said(capsys)) == 1


def test_the_names_of_tensors(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "weights.safetensors"
    safetensors.torch.save_file({f"{HOSTILE}{FORGED}": torch.zeros(1)}, weights)
    assert main(["explain", str(picture), *MODEL, "--weights", str(weights)]) == 2
    (line,) = said(capsys)
    assert "owned" in line


class Hostile(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404, f"Not {HOSTILE} found".encode().decode("latin-1"))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """The server of a test says nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_the_message_of_a_server(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", f"{server}/cat.png", *MODEL]) == 2
    (line,) = said(capsys)
    assert "the server answers 404 Not" in line
    assert "owned" in line


def test_bars_are_drawn_and_the_names_in_them_are_harmless() -> None:
    written = io.StringIO()
    stream = PrintableStream(written)
    for position in (0, 1):
        with tqdm(total=2, desc=f"name\x1b[2J\r{position}", file=stream, position=position) as bar:
            bar.update()
    drawn = written.getvalue()
    assert "\rname?[2J?0" in drawn
    assert "\x1b[A" in drawn  # up from the second bar
    assert drawn.replace("\x1b[A", "").replace("\r", "").replace("\n", "").isprintable()
    stream.writelines(["a\x1b", "b\rc"])
    assert written.getvalue().endswith("a?b?c")


def test_a_text_that_looks_like_a_bar_is_not_one() -> None:
    written = io.StringIO()
    for text in ("\rrectgrad: 100%|##| 2/2", "\x1b[A", "\n\x1b[A\x1b[A", "\r"):
        print(text, end="", file=PrintableStream(written))
    assert written.getvalue() == "?rectgrad: 100%|##| 2/2?[A\n?[A?[A?"
