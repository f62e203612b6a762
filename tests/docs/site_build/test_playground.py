"""The files that the site's playground consists of."""

import gzip
import json
from pathlib import Path

import pytest

from site_build import playground
from site_build.pages import DOCS

needs_runtime = pytest.mark.skipif(
    not playground.is_runtime_installed(), reason="no runtime: make docs, with npm"
)


def test_the_page_loads_the_modules_that_there_are() -> None:
    names = playground.page_files()
    text = (DOCS / playground.PAGE).read_text(encoding="utf-8")
    for name in ("page.js", "playground.css"):
        assert name in names
        assert f'"{name}"' in text
    for name, content in names.items():
        if name.endswith(".js"):
            parts = content.decode().split('from "./')[1:]
            imported = {part.partition('"')[0] for part in parts}
            assert imported <= {*names, "vendor/ort.wasm.min.mjs"}, name


@needs_runtime
def test_the_runtime_has_its_licence_and_is_compressed(tmp_path: Path) -> None:
    (tmp_path / "networks.json").write_text('{"networks": {}}')
    found = playground.all_files(tmp_path)
    assert b"MIT License" in found["vendor/LICENSE.txt"]
    assert "vendor/ThirdPartyNotices.txt" in found
    packed = found["vendor/ort-wasm-simd-threaded.wasm.gz"]
    assert gzip.decompress(packed)[:4] == b"\0asm"
    description = json.loads(found["networks.json"])
    assert description == {"networks": {}, "runtime": {"bytes": len(packed)}}
