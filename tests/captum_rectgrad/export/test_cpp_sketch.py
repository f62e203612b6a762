"""The C++ function of the guide, compiled against onnxruntime, gives the map of the file."""

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

import rectgrad_zoo
from captum_rectgrad import export_onnx
from captum_rectgrad.export.onnx_map import OnnxMap

GUIDE = Path(__file__).parents[3] / "docs/how-to/ship-a-map-with-your-model.md"
HEADER = "onnxruntime_cxx_api.h"
# No package for Python has the headers. They are in the releases of onnxruntime.
FOLDERS = (
    os.environ.get("ONNXRUNTIME_INCLUDE", ""),
    *(f"/usr{local}/include{name}" for local in ("", "/local") for name in ("", "/onnxruntime")),
)
MAIN = """
#include <cstdio>

int main() {
  Ort::Env env;
  Ort::Session session(env, "map.onnx", Ort::SessionOptions{});
  std::vector<float> pixels(3 * 32 * 32);
  std::FILE* file = std::fopen("pixels", "rb");
  if (std::fread(pixels.data(), sizeof(float), pixels.size(), file) != pixels.size()) return 1;
  std::fclose(file);
  std::vector<float> map = attribution(session, pixels, 3, 80);
  file = std::fopen("map", "wb");
  std::fwrite(map.data(), sizeof(float), map.size(), file);
  return std::fclose(file);
}
"""


def library() -> Path | None:
    """The shared library in the package for Python, which is the one for C++."""
    found = find_spec("onnxruntime")
    places = list(found.submodule_search_locations or []) if found else []
    files = [file for place in places for file in Path(place, "capi").glob("libonnxruntime.so.*")]
    return files[0] if files else None


def test_function_of_the_guide(tmp_path: Path) -> None:
    shared, compiler = library(), shutil.which("c++")
    folder = next((each for each in FOLDERS if each and Path(each, HEADER).is_file()), None)
    if folder is None or shared is None or compiler is None:
        pytest.skip(f"no C++ compiler or no {HEADER}: set ONNXRUNTIME_INCLUDE to its folder")
    (sketch,) = re.findall(r"```cpp\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "sketch.cpp").write_text(sketch + MAIN, encoding="utf-8")
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):  # to link, to run
        (tmp_path / name).symlink_to(shared)
    model, x = rectgrad_zoo.load("cifar10_cnn"), torch.rand(1, 3, 32, 32) * 2 - 1
    export_onnx(model, x, tmp_path / "map.onnx")
    x.numpy().tofile(tmp_path / "pixels")
    options = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-isystem", folder, "-o", "sketch"]
    linked = ["-L.", "-lonnxruntime", "-Wl,-rpath,."]
    subprocess.run([compiler, *options, "sketch.cpp", *linked], cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "sketch"], cwd=tmp_path, check=True)
    found = np.fromfile(tmp_path / "map", dtype=np.float32).reshape(1, 3, 32, 32)
    expected = OnnxMap(tmp_path / "map.onnx")(x.numpy(), 3, 80).map
    assert found.any()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
