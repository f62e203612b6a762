"""All studies at their smallest, by the command: on CIFAR-10, and without any data."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from captum_rectgrad.studies.framework.registry import studies
from tests.support.hub_client import Client
from tests.support.hub_fixtures import add_smallest_of_timm, client, forks, hub  # noqa: F401
from tests.support.hub_server import HubServer

DATA = Path(os.environ.get("RECTGRAD_DATA", Path(__file__).parents[3] / "shared" / "data"))
RECTGRAD = str(Path(sys.executable).parent / "rectgrad")


def reproduce_all(out: Path, *more: str | Path) -> None:
    command = [RECTGRAD, "reproduce", "all", "--preset", "smoke", "--out", str(out)]
    environment = {**os.environ, "TORCH_HOME": str(out.parent / "torch")}
    done = subprocess.run(
        [*command, *map(str, more)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    text = (out / "report.md").read_text()
    for study in studies():
        content = json.loads((out / study.name / "result.json").read_text())
        assert content["rows"]
        assert f"({study.name}/report.md)" in text


@pytest.mark.slow
def test_a_newcomer_without_any_data(tmp_path: Path) -> None:
    reproduce_all(tmp_path / "out")


@pytest.mark.data
@pytest.mark.skipif(not (DATA / "cifar10-masks").is_dir(), reason=f"no CIFAR-10 in {DATA}")
def test_on_cifar10_with_masks(tmp_path: Path) -> None:
    reproduce_all(tmp_path / "out", "--data", DATA / "cifar10")


@pytest.mark.slow
def test_on_a_network_from_the_hub(hub: HubServer, client: Client, tmp_path: Path) -> None:  # noqa: F811
    name, commit = add_smallest_of_timm(hub)
    words = ("reproduce", "nie-edges", "--model", name, "--preset", "smoke", "--out")
    done = client.run(*words, tmp_path / "out")
    assert done.status == 0, done.stderr
    content = json.loads((tmp_path / "out" / "result.json").read_text())
    assert content["config"]["material"] == f"photographs of scikit-image for {name}"
    used = content["provenance"]["used"]["network plain"]
    assert used.startswith(f"{name} (timm/{name}@{commit}), SHA-256 ")
    hub.repositories.clear()
    missing = client.run(*words, tmp_path / "none", HF_HOME=str(tmp_path / "other"))
    assert missing.status == 2
    assert missing.stderr.splitlines()[-1].startswith("rectgrad: error: ")
    assert not (tmp_path / "none").exists()
