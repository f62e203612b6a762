"""An exported file in onnxruntime, with its arguments checked. PyTorch is not needed."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captum_rectgrad.errors import RectGradError

Floats = NDArray[np.float32]
_NUMBERS = (int, float, np.integer, np.floating)


class MapResult(NamedTuple):
    """The outputs of an exported file.

    Attributes:
        logits: `(N, classes)`.
        map: attributions, of the shape of the images.
        shares: share of the units that passed, `(N, layers)`, in [0, 1]; None without a rule.
    """

    logits: Floats
    map: Floats
    shares: Floats | None


class OnnxMap:
    """An exported file.

    Args:
        path: file from `export_onnx`.
        threads: number of threads; None for those of onnxruntime.

    Attributes:
        metadata: method, settings, checkpoint, classes, preprocessing and layers; JSON is parsed.
        classes: number of classes.
        batch: the only number of images; None for any.

    Raises:
        RectGradError: the file is damaged or no export of this package, or onnxruntime is not
            installed.
        FileNotFoundError: there is no such file.
    """

    def __init__(self, path: str | Path, threads: int | None = None) -> None:
        runtime = imported_runtime()
        content = Path(path).read_bytes()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        try:
            session = runtime.InferenceSession(content, options, ["CPUExecutionProvider"])
        except Exception as error:  # the classes of onnxruntime have no common base
            raise RectGradError(
                f"{str(path)!r} is no ONNX file that onnxruntime can read: it is damaged, or of "
                f"another format ({_first_line(error)}); export it again"
            ) from error
        self.session: Any = session
        found = session.get_modelmeta().custom_metadata_map
        if "method" not in found:
            raise RectGradError(
                f"{str(path)!r} has no metadata of an attribution; expected a file from "
                "`rectgrad export` or export_onnx"
            )
        self.metadata: dict[str, Any] = {key: _parsed(value) for key, value in found.items()}
        self._inputs = {each.name: each.shape for each in session.get_inputs()}
        self.classes = int(session.get_outputs()[0].shape[1])
        first = self._inputs["image"][0]
        self.batch = first if isinstance(first, int) else None

    def __call__(
        self,
        images: Floats,
        classes: int | Sequence[int] = -1,
        percentile: float | None = None,
    ) -> MapResult:
        """Compute maps.

        Args:
            images: images `(N, C, H, W)`, preprocessed.
            classes: class of all images or of each image; -1 for the predicted class.
            percentile: percentile in [0, 100]; None for that of the export.

        Returns:
            Logits, maps and shares.

        Raises:
            TypeError: the images are no array of float32, or a class or the percentile is no
                number.
            ValueError: the images have another shape or are not finite, a class or the percentile
                is out of range, or the method has no percentile.
        """
        self._check_images(images)
        given: Any = classes
        several = isinstance(given, Sequence | np.ndarray) and not isinstance(given, str)
        wanted: list[Any] = list(given) if several else [given] * len(images)
        if len(wanted) != len(images):
            raise ValueError(f"got {len(wanted)} classes for {len(images)} images; give one each")
        for each in wanted:
            self._check_class(each)
        feeds: dict[str, Any] = {"image": images, "class": np.array(wanted, dtype=np.int64)}
        if "percentile" in self._inputs:
            feeds["percentile"] = np.array([self._percentile(percentile)], dtype=np.float64)
        elif percentile is not None:
            raise ValueError(f"{self.metadata['method']} in this file has no percentile; omit it")
        return MapResult(*self.session.run(None, feeds), *self._no_shares())

    def _no_shares(self) -> tuple[None, ...]:
        return () if self.metadata["layers"] else (None,)

    def _percentile(self, given: float | None) -> float:
        value: Any = self.metadata["settings"]["percentile"] if given is None else given
        if not isinstance(value, _NUMBERS):
            raise TypeError(f"percentile must be a number in [0, 100], got {value!r}")
        if not 0 <= value <= 100:  # noqa: PLR2004
            raise ValueError(f"percentile must be in [0, 100], got {value}")
        return float(value)

    def _check_class(self, given: Any) -> None:
        if not isinstance(given, int | np.integer):
            raise TypeError(
                f"a class must be an index from 0 to {self.classes - 1}, or -1 for the predicted "
                f"class, got {given!r}"
            )
        if not -1 <= given < self.classes:
            raise ValueError(
                f"class {given} is out of range: the file has classes 0 to {self.classes - 1}, "
                "and -1 for the predicted one"
            )

    def _check_images(self, images: Any) -> None:
        if not isinstance(images, np.ndarray):
            raise TypeError(f"images must be a NumPy array of float32, got {type(images).__name__}")
        expected = self._inputs["image"]
        shape = ", ".join(map(str, expected))
        got = f"got images of shape {images.shape}, expected ({shape})"
        if _fits(images.shape, expected[1:]):
            raise ValueError(f"{got}; add the batch dimension with images[None]")
        if not _fits(images.shape, expected):
            raise ValueError(
                f"{got}; resize them, or export the model with an example of this size"
            )
        if images.dtype != np.float32:
            raise TypeError(
                f"got images of type {images.dtype}, expected float32; convert the preprocessed "
                "images with images.astype(np.float32)"
            )
        if not np.isfinite(images).all():
            raise ValueError(
                "the images contain NaN or infinite values, expected finite ones; check the "
                "preprocessing"
            )


def _fits(shape: Sequence[int], expected: Sequence[int | str]) -> bool:
    """Whether a shape has the expected sizes; a name is any size."""
    return len(shape) == len(expected) and all(
        isinstance(size, str) or size == got for size, got in zip(expected, shape, strict=True)
    )


def imported_runtime() -> Any:
    """The package onnxruntime.

    Raises:
        RectGradError: it is not installed.
    """
    try:
        import onnxruntime  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise RectGradError(
            "running an exported file needs the package onnxruntime; install it with "
            "pip install 'captum-rectgrad[onnx]'"
        ) from error
    return onnxruntime


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # a word, such as the name of the method
        return text


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
