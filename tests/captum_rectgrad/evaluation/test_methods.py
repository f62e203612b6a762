"""Every column is what its title says, or says why it is not."""

import copy
from functools import partial

import pytest
import timm
import torch
import torch.nn.functional as F
from captum.attr import DeepLift, FeatureAblation
from torch import Tensor, nn

import rectgrad_zoo
from captum_rectgrad.evaluation.methods import (
    Method,
    MethodUnreliableError,
    choose_methods,
    methods,
    of_captum,
    same_maps,
    smooth_grad,
)
from captum_rectgrad.evaluation.run_method import attribute, run
from captum_rectgrad.plotting.images import sample_images
from tests.support.property_state import snapshot

pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")

KEYS = [
    "saliency",
    "gradient-input",
    "guided-bp",
    "smoothgrad",
    "integrated",
    "deeplift",
    "rectgrad",
    "rectgrad-prr",
]


def small(*activations: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    first, second = activations
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        first,
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(6 * 16, 30),
        second,
        nn.Linear(30, 4),
    )


def results(model: nn.Module, x: Tensor) -> dict[str, Tensor | str]:
    return {m.key: run(m, model, x, 2) for m in choose_methods(None, 80) if m.applies(model, x)}


X = torch.randn(1, 3, 8, 8, generator=torch.manual_seed(3))


@pytest.mark.parametrize(
    "activations",
    [
        (nn.ReLU(), nn.ReLU()),
        (nn.ReLU(inplace=True), nn.ReLU(inplace=True)),
        (nn.ReLU6(), nn.ReLU6(inplace=True)),
    ],
)
def test_all_run_and_leave_the_model_as_it_was(activations: tuple[nn.Module, nn.Module]) -> None:
    model = small(*activations)
    before, twin = snapshot(model), copy.deepcopy(model)
    found = results(model, X)
    assert list(found) == KEYS
    for key, attribution in found.items():
        assert isinstance(attribution, Tensor), (key, attribution)
        assert attribution.shape == (3, 8, 8)
        assert not attribution.requires_grad
        assert attribution.count_nonzero() > 0
    assert snapshot(model) == before
    torch.testing.assert_close(model.double()(X.double()), twin.double()(X.double()))


def test_the_numbers_are_what_the_titles_say() -> None:
    model, x = small(nn.ReLU(), nn.ReLU()).double(), X.double()
    found = results(model, x)
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(leaf)[0, 2], leaf)
    maps = {key: value for key, value in found.items() if isinstance(value, Tensor)}
    torch.testing.assert_close(maps["saliency"], gradient[0])
    torch.testing.assert_close(maps["gradient-input"], (x * gradient)[0])
    with torch.no_grad():
        change = model(x)[0, 2] - model(torch.zeros_like(x))[0, 2]
    assert maps["deeplift"].sum().item() == pytest.approx(change.item(), rel=1e-3)
    assert maps["integrated"].sum().item() == pytest.approx(change.item(), rel=0.05)


def test_smoothgrad_can_be_drawn_again_and_leaves_the_generator_alone() -> None:
    model, x = small(nn.ReLU(), nn.ReLU()).double(), X.double()
    (method,) = choose_methods(["smoothgrad"])
    state = torch.get_rng_state()
    first, second = (run(method, model, x, 2) for _ in range(2))
    assert isinstance(first, Tensor)
    assert isinstance(second, Tensor)
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)


BATCH = torch.cat([X, torch.randn(4, 3, 8, 8, generator=torch.manual_seed(4)) * 3]).double()
TARGETS = torch.tensor([2, 0, 1, 3, 2])


@pytest.mark.parametrize("method", methods(80), ids=lambda method: method.key)
def test_a_batch_is_its_images(method: Method) -> None:
    model = small(nn.ReLU(), nn.ReLU()).double()
    together = attribute(method, model, BATCH, TARGETS)
    assert together.shape == BATCH.shape
    if method.key in ("smoothgrad", "random"):  # whose draws depend on the batch
        assert torch.equal(together, attribute(method, model, BATCH, TARGETS, seed=0))
        assert not torch.equal(together, attribute(method, model, BATCH, TARGETS, seed=1))
        return
    for number, (x, target) in enumerate(zip(BATCH, TARGETS, strict=True)):
        alone = run(method, model, x[None], int(target))
        torch.testing.assert_close(alone, together[number])


def test_smoothgrads_noise_has_the_scale_of_each_image() -> None:
    seen: list[Tensor] = []

    class Watched(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x.detach())
            return x.flatten(1).cumsum(1)[:, :4]

    (method,) = choose_methods(["smoothgrad"])
    images = torch.stack([torch.linspace(0, 1, 3072), torch.linspace(900, 1000, 3072)])
    attribute(method, Watched(), images.view(2, 3, 32, 32), torch.tensor([3, 3]))
    noisy = torch.cat(seen).view(-1, 3072)
    for image, span in zip(images, (1.0, 100.0), strict=True):
        noise = (noisy - image)[(noisy - image).abs().amax(1) < span]
        assert len(noise) == 50
        assert noise.std().item() == pytest.approx(0.1 * span, rel=0.02)


def test_vargrad_is_the_variance_of_the_noisy_gradients() -> None:
    class Squares(nn.Module):
        """The gradient of the logit is the image, so that its variance is that of the noise."""

        def forward(self, x: Tensor) -> Tensor:
            return x.square().flatten(1).sum(dim=1, keepdim=True) / 2

    images = torch.stack([torch.linspace(0, 1, 3072), torch.linspace(0, 100, 3072)])
    method = Method("vargrad", "VarGrad", partial(smooth_grad, kind="vargrad"))
    found = attribute(method, Squares(), images.view(2, 3, 32, 32), torch.tensor([0, 0]))
    # Of 50 samples; the noise has a tenth of the range of each image.
    for variances, span in zip(found, (1.0, 100.0), strict=True):
        assert variances.mean().item() == pytest.approx((0.1 * span) ** 2 * 49 / 50, rel=0.02)


def test_of_captum_makes_a_method_of_a_captum_class() -> None:
    model = small(nn.ReLU(), nn.ReLU())
    method = of_captum("feature-ablation", "Ablation", FeatureAblation, baselines=1.0)
    expected = FeatureAblation(model).attribute(X, target=2, baselines=1.0)
    found = run(method, model, X, 2)
    assert isinstance(found, Tensor)
    torch.testing.assert_close(found, expected[0])


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(3, 6, 3), nn.Linear(6 * 36, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.relu(self.first(x)).flatten(1))


class Reused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.middle = nn.Linear(192, 30), nn.Linear(30, 30)
        self.last, self.relu = nn.Linear(30, 4), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.first(x.flatten(1)))
        return self.last(self.relu(self.middle(h)))


class SharedWithSkip(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last, self.relu = nn.Linear(192, 30), nn.Linear(30, 4), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x.flatten(1))
        return self.last(self.relu(h) - 5 * h)


@pytest.mark.parametrize(
    ("model", "unavailable"),
    [
        (Functional(), {"guided-bp", "deeplift"}),
        (Reused(), {"deeplift"}),
        (SharedWithSkip(), {"guided-bp", "deeplift"}),
        (small(nn.SiLU(), nn.SiLU()), {"guided-bp", "deeplift"}),
    ],
)
def test_an_unreliable_baseline_raises_an_error(model: nn.Module, unavailable: set[str]) -> None:
    found = results(model, X)
    said = {key: value for key, value in found.items() if isinstance(value, str)}
    assert set(said) == unavailable
    for reason in said.values():
        assert reason.startswith("not available: ")
        assert len(reason) > 30


def test_a_method_that_refuses_the_model_does_not_stop_the_others() -> None:
    def refuse(*_: object) -> Tensor:
        raise ValueError

    assert run(Method("own", "Own", refuse), Reused(), X, 0) == "not available: ValueError"


def test_a_mistake_in_a_method_is_raised() -> None:
    def mistaken(*_: object) -> Tensor:
        raise LookupError

    with pytest.raises(LookupError):
        run(Method("own", "Own", mistaken), Reused(), X, 0)


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({}, True),
        ({(0, 0): 5.0}, True),  # one unit of one image of three
        ({(0, 0): 5.0, (1, 0): 5.0}, False),  # of most images
        ({(0, 0): 0.5, (1, 0): 0.5, (2, 0): 0.5}, True),  # little of each
    ],
)
def test_a_unit_that_rounding_flips_does_not_make_maps_different(
    changed: dict[tuple[int, int], float], same: bool
) -> None:
    expected = torch.ones(3, 100)
    found = expected.clone()
    for place, change in changed.items():
        found[place] += change
    assert same_maps(found, expected) == same


def test_half_of_the_maps_are_not_enough() -> None:
    expected = torch.ones(2, 100)
    assert not same_maps(expected * torch.tensor([[1.0], [2.0]]), expected)
    assert not same_maps(torch.full((1, 100), torch.nan), expected[:1])


def test_a_map_that_is_not_finite_does_not_break_the_figure() -> None:
    def overflow(_: nn.Module, x: Tensor, __: Tensor) -> Tensor:
        return x * torch.inf

    said = run(Method("own", "Own", overflow), Reused(), X, 0)
    assert said == "not available: the map has NaN or infinite values"


def test_deeplift_is_itself_where_there_are_max_pools() -> None:
    model = rectgrad_zoo.load("cifar10_cnn")
    transform = rectgrad_zoo.transform(model)
    (method,) = choose_methods(["deeplift"])
    for name, image in sample_images().items():
        x = transform(image)[None]
        found = run(method, model, x, int(model(x).argmax()))
        assert isinstance(found, Tensor), (name, found)


def missed(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """By how much of it DeepLift's attributions miss their sum, for each image."""
    leaf = x.clone().requires_grad_()
    _, delta = DeepLift(model).attribute(leaf, target=target, return_convergence_delta=True)
    with torch.no_grad():
        change = (model(x) - model(torch.zeros_like(x))).gather(1, target[:, None])[:, 0]
    return delta.abs() / change.abs()


@pytest.mark.filterwarnings("ignore:Setting forward, backward hooks")
def test_a_single_hard_image_does_not_refuse_deeplift() -> None:
    (method,) = choose_methods(["deeplift"])
    images = torch.randn(40, 3, 32, 32, generator=torch.manual_seed(0)).clamp(-1, 1).double()
    maps = []
    for hard_first in (True, False):
        model = rectgrad_zoo.load("cifar10_cnn").double()
        targets = model(images).argmax(dim=1)
        far = missed(model, images, targets)
        hard = int(far.argmax())
        assert far[hard] > 0.25
        assert far.median() < 0.25
        if not hard_first:
            attribute(method, model, images, targets)
        alone = slice(hard, hard + 1)
        maps.append(attribute(method, model, images[alone], targets[alone]))
    torch.testing.assert_close(*maps)


def test_the_check_of_deeplift_takes_no_larger_batches_than_its_caller() -> None:
    (method,) = choose_methods(["deeplift"])
    model = rectgrad_zoo.load("cifar10_cnn")
    sizes = set[int]()
    model.register_forward_hook(lambda _, inputs, __: sizes.add(len(inputs[0])))
    x = torch.randn(3, 3, 32, 32, generator=torch.manual_seed(0))
    attribute(method, model, x, torch.tensor([0, 1, 2]))
    assert sizes == {3, 6}  # DeepLIFT passes the images and their baselines together


def test_what_is_not_itself_is_refused_at_every_batch() -> None:
    model = SharedWithSkip().double()
    for key in ("deeplift", "guided-bp"):
        (method,) = choose_methods([key])
        for _ in range(2):
            with pytest.raises(MethodUnreliableError, match="incorrect on this model"):
                attribute(method, model, BATCH, TARGETS)


def test_prr_only_where_there_are_max_pools() -> None:
    assert "rectgrad-prr" not in results(Reused(), X)

    class Pooled(Functional):
        def forward(self, x: Tensor) -> Tensor:
            x = F.max_pool2d(F.relu(self.first(x)), 3, stride=1, padding=1)
            return self.last(x.flatten(1))

    found = results(Pooled(), X)
    plain, shared = found["rectgrad"], found["rectgrad-prr"]
    assert isinstance(plain, Tensor)
    assert isinstance(shared, Tensor)
    assert not torch.equal(plain, shared)


@pytest.mark.slow
def test_on_a_real_network_with_in_place_relus() -> None:
    torch.manual_seed(0)
    model = timm.create_model("resnet18").eval()
    x = torch.randn(1, 3, 64, 64)
    found = results(model, x)
    assert [key for key, value in found.items() if isinstance(value, str)] == []
    assert list(found) == KEYS


OWN = of_captum("own", "Own", FeatureAblation, baselines=1.0)


def test_methods_of_ones_own_are_imported() -> None:
    captums, own = choose_methods(["captum.attr:FeatureAblation", f"{__name__}:OWN"])
    assert (captums.title, own.title) == ("FeatureAblation", "Own")
    model = small(nn.ReLU(), nn.ReLU())
    expected = FeatureAblation(model).attribute(X, target=2)
    torch.testing.assert_close(run(captums, model, X, 2), expected[0])


TWIN = of_captum("saliency", "My Saliency", FeatureAblation)


def test_two_methods_of_one_key_are_refused() -> None:
    assert choose_methods(["rectgrad", f"{__name__}:TWIN"])[1].title == "My Saliency"
    with pytest.raises(ValueError, match="'saliency', which another chosen method has too"):
        choose_methods(["saliency", f"{__name__}:TWIN"])


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("no.such.module:NAME", "cannot be imported: ModuleNotFoundError: No module named 'no'"),
        (
            "captum.attr:NoSuch",
            "cannot be imported: AttributeError: module 'captum.attr' has",
        ),
        (":NAME", "cannot be imported: ValueError: Empty module name"),
        ("torch:float32", "is a dtype; expected a captum_rectgrad.evaluation.methods.Method"),
        ("torch.nn:ReLU", "is a class that does not derive from captum.attr.Attribution; expected"),
    ],
)
def test_imports_that_are_not_methods_raise_an_error(key: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose_methods([key])


def test_choosing_methods() -> None:
    assert [m.key for m in choose_methods(None)] == KEYS
    assert [m.key for m in methods()] == [*KEYS, "random"]
    assert [m.key for m in choose_methods(["rectgrad", " saliency"])] == ["rectgrad", "saliency"]
    with pytest.raises(ValueError, match="'grad' is not a known method; choose from saliency"):
        choose_methods(["grad"])
    with pytest.raises(ValueError, match="given twice"):
        choose_methods(["rectgrad", "rectgrad"])
    with pytest.raises(ValueError, match=r"\[0, 100\]"):
        choose_methods(None, 101)
