"""Repositories of transformers on a Hub on loopback."""

import json
from pathlib import Path

import pytest

from rectgrad_zoo.weights import file_sha256
from tests.rectgrad_zoo.hub.test_download import downloads, files_of
from tests.support.hub_client import UNREACHABLE, Client, digest_of
from tests.support.hub_server import HubServer

pytest.importorskip("transformers")

from tests.support.transformers_folders import save_vit

NAME = "owner/vit"


@pytest.fixture
def vit(tmp_path: Path) -> Path:
    save_vit(tmp_path / "vit")
    return tmp_path / "vit"


def test_a_repository_is_loaded_checked_and_kept(hub: HubServer, client: Client, vit: Path) -> None:
    commit = hub.add(NAME, {**files_of(vit), "modeling.py": b"1 / 0", "pytorch_model.bin": b"x"})
    first, second = client.load(f"hf:{NAME}", f"hf:{NAME}@{commit}")
    (offline,) = client.load(f"hf:{NAME}", HF_ENDPOINT=UNREACHABLE)
    assert first == second | {"name": f"hf:{NAME}"} == offline
    assert first.pop("digest") == digest_of(vit)
    assert first == {
        "name": f"hf:{NAME}",
        "source": "hub",
        "architecture": "ViTForImageClassification",
        "sha256": file_sha256(vit / "model.safetensors"),
        "data": None,
        "repo": NAME,
        "commit": commit,
        "pinned": False,
        "dtypes": ["torch.float32"],
    }
    asked = {Path(path).name for path in downloads(hub)}
    assert asked == {"config.json", "model.safetensors", "preprocessor_config.json"}


def test_what_cannot_be_loaded_safely_is_refused(hub: HubServer, client: Client, vit: Path) -> None:
    files = files_of(vit)
    config = json.loads(files["config.json"])
    remote = {"architectures": ["Own"], "model_type": "own", "auto_map": {"AutoModel": "own.Own"}}
    pickled = {name: data for name, data in files.items() if name != "model.safetensors"}
    hub.add("owner/pickled", {**pickled, "pytorch_model.bin": b"pickle"})
    hub.add("owner/remote", {**files, "config.json": json.dumps(config | remote).encode()})
    found = client.load("hf:owner/pickled", "hf:owner/remote", "hf:vit")
    pickle_alone, own_code, no_name = (one["error"] for one in found)
    assert "only as pytorch_model.bin, which can run code" in pickle_alone
    assert "trust_remote_code" in own_code
    assert "expected hf:OWNER/NAME" in no_name


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": "hf-hub:owner/elsewhere"},
        {"architecture": "local-dir:/elsewhere"},
        {"model_args": {"checkpoint_path": "/elsewhere.npz"}},
        {"attn_implementation": "owner/elsewhere"},
        {"_attn_implementation": {"": "owner/elsewhere"}},
        {"quantization_config": {"quant_method": "elsewhere"}},
        {"backbone": "owner/elsewhere", "use_pretrained_backbone": True},
    ],
)
def test_a_configuration_that_names_files_elsewhere_is_refused(
    hub: HubServer, client: Client, vit: Path, changes: dict[str, object]
) -> None:
    files = files_of(vit)
    config: dict[str, object] = {
        "architectures": ["TimmWrapperForImageClassification"],
        "model_type": "timm_wrapper",
        "architecture": "test_resnet",
        "num_classes": 3,
        "pretrained_cfg": {},
    }
    hub.add(NAME, {**files, "config.json": json.dumps(config | changes).encode()})
    hub.add("owner/elsewhere", files)
    (found,) = client.load(f"hf:{NAME}")
    assert not any("elsewhere" in path for _, path, _ in hub.requests)
    assert "which would load code or weights from elsewhere" in found["error"]
