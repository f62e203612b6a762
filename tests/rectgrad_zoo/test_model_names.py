import rectgrad_zoo
from rectgrad_zoo import registry
from tests.support.hub_client import Client


def test_the_zoo_lists_its_names() -> None:
    assert rectgrad_zoo.list() == [
        "cifar10_cnn",
        "cifar10_cnn_occluded",
        "cifar10_cnn_noise",
        "cifar10_cnn_adversarial",
        "cifar10_cnn_untrained",
        "cifar10_cnn_random_labels",
        "cifar10_cnn_seed1",
        "cifar10_cnn_seed2",
        "cifar10_cnn_occluded_seed1",
        "cifar10_cnn_occluded_seed2",
        "cifar10_resnet",
        "tf_efficientnet_lite0",
        "inception_v4.tf_in1k",
        "vgg16.tv_in1k",
        "resnet50.tv_in1k",
    ]


def test_prefixes_complete_to_the_zoo_first_then_to_timm() -> None:
    assert rectgrad_zoo.complete("cifar10") == [
        "cifar10_cnn",
        "cifar10_cnn_occluded",
        "cifar10_cnn_noise",
        "cifar10_cnn_adversarial",
        "cifar10_cnn_untrained",
        "cifar10_cnn_random_labels",
        "cifar10_cnn_seed1",
        "cifar10_cnn_seed2",
        "cifar10_cnn_occluded_seed1",
        "cifar10_cnn_occluded_seed2",
        "cifar10_resnet",
    ]
    assert rectgrad_zoo.complete("tf_efficientnet_lite")[:2] == [
        "tf_efficientnet_lite0",
        "tf_efficientnet_lite1",
    ]
    assert "resnet50" in rectgrad_zoo.complete("resnet5")
    assert "resnet50.tv_in1k" in rectgrad_zoo.complete("resnet50.tv")
    assert rectgrad_zoo.complete("")[: len(rectgrad_zoo.list())] == rectgrad_zoo.list()
    assert rectgrad_zoo.complete("no such") == []


def test_names_are_not_given_twice() -> None:
    everything = rectgrad_zoo.complete("")
    assert len(everything) == len(set(everything))
    assert len({row.name for row in registry.CHECKPOINTS}) == len(registry.CHECKPOINTS)


def test_the_zoo_imports_no_attribution_method(client: Client) -> None:
    client.modules = ()  # nothing of the zoo or of Captum is imported yet
    code = (
        "import sys, rectgrad_zoo, rectgrad_zoo.cli.commands; "
        "sys.exit(any(m.split('.')[0] in ('captum', 'captum_rectgrad') for m in sys.modules))"
    )
    result = client.run(code=code)
    assert result.status == 0, result.stderr
