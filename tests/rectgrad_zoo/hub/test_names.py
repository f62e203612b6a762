import pytest
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.names import HubName, is_repository, parse_hub_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("owner/name", HubName("owner/name")),
        ("timm/resnet50.tv_in1k", HubName("timm/resnet50.tv_in1k")),
        ("hf-hub:owner/name", HubName("owner/name")),
        ("owner/name@v1.0", HubName("owner/name", "v1.0")),
        ("hf-hub:owner/name@refs/pr/1", HubName("owner/name", "refs/pr/1")),
    ],
)
def test_repositories_are_named_with_a_revision_or_without(name: str, expected: HubName) -> None:
    assert parse_hub_name(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "name",
        "a/b/c",
        "../b",
        "a/..",
        "/a/b",
        "a//b",
        "owner/name@",
        "owner/name@../../x",
        "owner/name@a/../b",
        "owner/name@/etc",
        "owner/name@a@b",
        "owner/na\nme",
        "owner/" + "x" * 100,
        "",
    ],
)
def test_other_names_are_not_the_hubs(name: str) -> None:
    assert parse_hub_name(name) is None
    with pytest.raises(ZooError, match="expected hf-hub:OWNER/NAME"):
        parse_hub_name(f"hf-hub:{name}")


@pytest.mark.parametrize(
    "repo",
    ["a/b", "a-b/c.d_e", "a/b-", "a/.b", "-a/b", "a/b--c", "a/b..c", "a/b.git", "a b/c", "a/_b"],
)
def test_the_hubs_client_agrees_on_what_a_name_is(repo: str) -> None:
    try:
        validate_repo_id(repo)
    except HFValidationError:
        assert not is_repository(repo)
    else:
        assert is_repository(repo)
