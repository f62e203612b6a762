"""The files of the playground: modules of `playground/`, the runtime, exported networks."""

import gzip
import json
from functools import cache
from importlib.metadata import files
from pathlib import Path

from site_build.pages import ROOT

FOLDER = "playground"  # of the repository and of the site
PAGE = "playground.md"
NETWORKS = ROOT / "site_build" / "playground_networks.py"
DESCRIPTION = "networks.json"
_RUNTIME = ROOT / FOLDER / "node_modules" / "onnxruntime-web" / "dist"
_MODULES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs")
_BINARY = "ort-wasm-simd-threaded.wasm"
# The package for Python is built from the same sources; the one for browsers has no licence file.
_LICENCES = {"LICENSE": "LICENSE.txt", "ThirdPartyNotices.txt": "ThirdPartyNotices.txt"}

MISSING = """# Playground

This copy of the site has no playground: its runtime was not installed when the site was built.
The playground computes maps in the browser. Building it needs `npm` and a connection to its
registry: run `make docs` again with both.
"""


def is_runtime_installed() -> bool:
    """Whether `make docs` has installed the runtime."""
    return (_RUNTIME / _BINARY).is_file()


def runtime_files() -> dict[str, bytes]:
    """The runtime with its licence, by the path in the playground's folder of the site.

    The binary is compressed here: 14 MB become 4 MB, also on servers that do not compress.
    """
    found = {f"vendor/{name}": (_RUNTIME / name).read_bytes() for name in _MODULES}
    found[f"vendor/{_BINARY}.gz"] = _compressed(_RUNTIME / _BINARY)
    for path in files("onnxruntime") or []:
        if path.parent.name == "onnxruntime" and path.name in _LICENCES:
            found[f"vendor/{_LICENCES[path.name]}"] = Path(str(path.locate())).read_bytes()
    return found


def page_files() -> dict[str, bytes]:
    """The modules and the style sheet, by their name."""
    sources = sorted([*(ROOT / FOLDER).glob("*.js"), *(ROOT / FOLDER).glob("*.css")])
    return {path.name: path.read_bytes() for path in sources}


def all_files(made: Path) -> dict[str, bytes]:
    """All files of the playground but the page, by the path in its folder of the site.

    Args:
        made: the folder that `playground_networks.py` wrote.
    """
    found = {path.name: path.read_bytes() for path in sorted(made.iterdir())}
    runtime = runtime_files()
    description = json.loads(found[DESCRIPTION])
    description["runtime"] = {"bytes": len(runtime[f"vendor/{_BINARY}.gz"])}
    text = json.dumps(description, ensure_ascii=False, separators=(",", ":"))
    return {**found, **page_files(), **runtime, DESCRIPTION: text.encode()}


@cache
def _compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), mtime=0)
