"""Hard cases with answers worked out by hand, and the model as it was afterwards.

Unless said otherwise the map is the gradient itself (not times input, no final threshold) under
PR1 with tau 0: it passes a unit where activation and gradient have a positive product.
"""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captum_rectgrad import RectGrad, RectGradError
from captum_rectgrad.rules.threshold import RuleName

# Small nets with an answer of zero are no accident here.
pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")


class Net(nn.Module):
    """A forward written as a function of the module and its input."""

    def __init__(self, function: Callable[[Any, Tensor], Tensor], **modules: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def rectified(
    model: nn.Module, x: list[float], tau: float = 0, rule: RuleName = "PR1"
) -> list[float]:
    """The gradient of the output's sum, for one sample."""
    method = RectGrad(
        Net(lambda net, x: net.model(x).sum(dim=1), model=model),
        tau=tau,
        rule=rule,
        padding_trick=False,
        final_threshold=False,
        multiply_by_inputs=False,
    )
    result: list[float] = method.attribute(torch.tensor([x], dtype=torch.float))[0].tolist()
    return result


@pytest.mark.parametrize("in_place", [False, True])
def test_input_shared_with_a_skip(in_place: bool) -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        h = x * 1
        skip = -5 * h
        return skip + net.relu(h)

    net = Net(forward, relu=nn.ReLU(inplace=in_place))
    # At 2 the ReLU passes 1 and the skip -5; at -3 the skip alone.
    assert rectified(net, [2, -3]) == [-4, -5]


def test_input_read_after_the_activation() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        h = x * 1
        return net.relu(h) - 5 * h

    assert rectified(Net(forward, relu=nn.ReLU()), [2, -3]) == [-4, -5]
    # In place, what is read after is the activation itself: it gets 1 - 5, which no unit passes.
    assert rectified(Net(forward, relu=nn.ReLU(inplace=True)), [2, -3]) == [0, 0]


@pytest.mark.parametrize("use_return_value", [True, False])
def test_in_place(use_return_value: bool) -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        h = x * 2
        returned = net.relu(h)
        return 3 * (returned if use_return_value else h)

    assert rectified(Net(forward, relu=nn.ReLU(inplace=True)), [1, -1]) == [6, 0]


def test_in_place_as_first_layer_leaves_the_input_alone() -> None:
    x = torch.tensor([[1.0, -1.0]])
    net = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(2, 1))
    RectGrad(net, tau=0).attribute(x, target=0)
    assert x.tolist() == [[1, -1]]


@pytest.mark.parametrize("make", [nn.ReLU, nn.LeakyReLU, nn.SiLU])
def test_in_place_on_a_view(make: type[nn.Module]) -> None:
    def on_a_slice(net: Any, x: Tensor) -> Tensor:
        h = x * 2
        net.act(h[:, :1])
        return h

    def on_a_reshaped(net: Any, x: Tensor) -> Tensor:
        h = x * 2
        net.act(h.view(-1))
        return h

    for forward in (on_a_slice, on_a_reshaped):
        net = Net(forward, act=make(inplace=True))
        twin = Net(lambda net, x: net.act(x * 2), act=make())
        x = torch.tensor([[1.0, -1.0]])
        # What is computed is what the activation computes, in the tensor it was given.
        assert net(x)[0, 0] == twin(x)[0, 0]
        # Nothing passes where nothing may: what is left is the second column, if it is not touched.
        expected = [0, 2] if forward is on_a_slice else [0, 0]
        assert rectified(net, [1, -1], tau=1e9) == expected
        passed, whole = rectified(net, [1, -1]), rectified(twin, [1, -1])
        assert passed[0] == pytest.approx(whole[0])
        assert passed[1] == (2 if forward is on_a_slice else pytest.approx(whole[1]))


def test_one_module_in_series() -> None:
    # relu(relu(x) - 2) at 3, 1, -1: only the first is active at both calls.
    net = Net(lambda net, x: net.relu(net.relu(x * 1) - 2), relu=nn.ReLU())
    assert rectified(net, [3, 1, -1]) == [1, 0, 0]


@pytest.mark.parametrize("in_place", [False, True])
def test_one_module_in_parallel_branches(in_place: bool) -> None:
    net = Net(lambda net, x: 2 * net.relu(x * 1) - net.relu(-x), relu=nn.ReLU(inplace=in_place))
    # At 3 the first branch has activation 3 and gradient 2; at -4 the second has 4 and -1.
    assert rectified(net, [3, -4]) == [2, 0]
    # A negative tau passes inactive units too: 2 from the first, -1 * -1 from the second, both in
    # either column; only the score 4 * -1 falls below -3.
    assert rectified(net, [3, -4], tau=-3) == [3, 2]


def silu_slope(z: float) -> float:
    sigmoid = 1 / (1 + math.exp(-z))
    return sigmoid * (1 + z * (1 - sigmoid))


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("make", [nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.SiLU])
def test_changed_in_place_right_after(make: type[nn.Module], in_place: bool) -> None:
    weight = torch.tensor([1.0, -1.0])

    def forward(net: Any, x: Tensor) -> Tensor:
        h = x * 1
        shortcut = 10 * h
        h = net.act(h)
        h += shortcut
        return h * weight

    # At 0.5 activation and gradient are positive: the unit passes. At -0.25 the gradient is -1 and
    # the activation 0 or negative. Judged by what stands there after the addition, below -2,
    # every net would pass it.
    x = [0.5, -0.25]
    slopes = {nn.ReLU: (1, 0), nn.ReLU6: (1, 0), nn.Hardtanh: (1, 1)}
    passed, blocked = slopes.get(make) or tuple(map(silu_slope, x))
    result = rectified(Net(forward, act=make(inplace=in_place)), x)
    assert result == pytest.approx([10 + passed, -10 - blocked])


def test_changed_in_place_right_after_where_the_activation_saves_its_output() -> None:
    # PyTorch itself cannot differentiate this net.
    def forward(net: Any, x: Tensor) -> Tensor:
        h = net.act(x * 1)
        h += 1
        return h

    s = torch.tensor(0.5).sigmoid().item()
    assert rectified(Net(forward, act=nn.Sigmoid()), [0.5]) == pytest.approx([s * (1 - s)])


def test_pool_input_changed_in_place_after() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        h = net.relu(x * 1)
        y = net.pool(h)
        h += 7
        return y.flatten(1) + 0 * h.sum()

    net = Net(forward, relu=nn.ReLU(), pool=nn.MaxPool1d(2))
    method = RectGrad(net, tau=0, prr=True, final_threshold=False, multiply_by_inputs=False)
    result = method.attribute(torch.tensor([[[3.0, 1.0]]]), target=0)
    # 3 and 1 share the gradient in proportion.
    assert result.flatten().tolist() == [0.75, 0.25]


def test_relu_has_no_further_factor_and_others_have() -> None:
    # PR4 with tau 0 passes wherever the gradient is positive: this is deconvolution.
    assert rectified(Net(lambda n, x: n.act(x * 1), act=nn.ReLU()), [1, -1], rule="PR4") == [1, 1]
    assert rectified(Net(lambda n, x: n.act(x * 1), act=nn.ReLU6()), [1, -1, 7], rule="PR4") == [
        1,
        0,
        0,
    ]
    leaky = Net(lambda n, x: n.act(x * 1), act=nn.LeakyReLU(0.5))
    assert rectified(leaky, [1, -1], rule="PR4") == [1, 0.5]


class Doubling(nn.ReLU):
    def forward(self, z: Tensor) -> Tensor:
        return 2 * super().forward(z)


def test_a_subclass_of_relu_that_does_more_keeps_its_own_derivative() -> None:
    assert rectified(Net(lambda n, x: n.act(x * 1), act=Doubling()), [1, -1]) == [2, 0]


def test_mod_takes_pr1_at_the_activation_nearest_the_output_on_the_way_to_the_target() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        h = net.first(x * 1)
        y = net.last(-h + 2)
        net.unused(y)  # called later, but the target does not depend on it
        return -1 * y

    net = Net(forward, first=nn.ReLU(), last=nn.ReLU(), unused=nn.ReLU())
    # The gradient at the last activation is -1: PR1 passes nothing, PR2 would.
    assert rectified(net, [1], rule="PR1") == [0]
    assert rectified(net, [1], rule="PR2") == [1]
    assert rectified(net, [1], rule="Mod") == [0]
    # With a positive gradient there, the first one gets 1 * -1, which PR2 passes and PR1 does not.
    positive = Net(lambda n, x: n.last(-n.first(x * 1) + 2), first=nn.ReLU(), last=nn.ReLU())
    assert rectified(positive, [1], rule="Mod") == [-1]
    assert rectified(positive, [1], rule="PR1") == [0]


def test_activation_without_units_is_not_the_last_one() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        h = net.relu(x * 1)
        return -h + net.relu(h[:, :0]).sum()

    # The only ReLU with units gets the gradient -1, which PR1 stops and PR2 passes.
    net = Net(forward, relu=nn.ReLU())
    assert rectified(net, [1], rule="Mod") == [0]
    assert rectified(net, [1], rule="PR2") == [-1]


def test_keyword_call() -> None:
    net = Net(lambda n, x: n.relu(input=x * 2), relu=nn.ReLU(inplace=True))
    assert rectified(net, [1, -1]) == [2, 0]


def test_pooling_that_returns_indices() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        y, indices = net.pool(net.relu(x * 1))
        return net.unpool(y, indices)[:, 0, :1]

    net = Net(
        forward,
        relu=nn.ReLU(),
        pool=nn.MaxPool1d(2, return_indices=True),
        unpool=nn.MaxUnpool1d(2),
    )
    method = RectGrad(net, tau=0, prr=True, final_threshold=False, multiply_by_inputs=False)
    assert method.attribute(torch.tensor([[[3.0, 1.0]]]), target=0).tolist() == [[[0.75, 0.25]]]


class ConvolutionAndReLU(nn.Conv1d):
    def forward(self, x: Tensor) -> Tensor:
        return F.relu(super().forward(x))


@pytest.mark.parametrize("padding_trick", [False, True])
def test_an_activation_inside_a_convolution_is_seen(padding_trick: bool) -> None:
    torch.manual_seed(0)
    fused = ConvolutionAndReLU(2, 5, 3, padding=1)
    plain = nn.Conv1d(2, 5, 3, padding=1)
    plain.load_state_dict(fused.state_dict())
    x = torch.randn(3, 2, 9, dtype=torch.float64)
    nets = [
        nn.Sequential(fused, nn.Flatten(), nn.Linear(45, 3)).double(),
        nn.Sequential(nn.Sequential(plain, nn.ReLU()), nn.Flatten(), nn.Linear(45, 3)).double(),
    ]
    nets[1][2].load_state_dict(nets[0][2].state_dict())
    maps = [RectGrad(net, 70, padding_trick=padding_trick).attribute(x, target=1) for net in nets]
    assert maps[0].count_nonzero() > 0
    torch.testing.assert_close(*maps)


def test_an_activation_with_an_activation_inside_is_handled_once() -> None:
    class Nest(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, z: Tensor) -> Tensor:
            return self.relu(z) + self.relu(-z)

    net = Net(lambda n, x: n.nest(z=x * 1), nest=Nest())
    method = RectGrad(net, tau=0, activations=[nn.ReLU, Nest], multiply_by_inputs=False)
    # The absolute value: its output is positive everywhere, so everything passes, with its sign.
    x = torch.tensor([[2.0, -3.0]])
    signed = RectGrad(
        net, tau=0, activations=[Nest], multiply_by_inputs=False, final_threshold=False
    )
    assert signed.attribute(x, target=1).tolist() == [[0, -1]]
    assert method.attribute(x, target=0).tolist() == [[1, 0]]


def test_a_chosen_module_that_returns_several_tensors_is_refused() -> None:
    class Two(nn.Module):
        def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
            return z, z

    net = Net(lambda n, x: n.two(x)[0], two=Two())
    with pytest.raises(RectGradError, match=r"'two' .* returned tuple"):
        RectGrad(net, activations=[Two]).attribute(torch.rand(1, 2), target=0)


def test_an_exception_that_the_model_catches_itself() -> None:
    class Fails(nn.ReLU):
        def forward(self, *_: Tensor) -> Tensor:
            raise ArithmeticError

    def forward(net: Any, x: Tensor) -> Tensor:
        h = x * 1
        try:
            h = net.fails(h)
        except ArithmeticError:
            h = F.silu(h)
        return h

    expected = rectified(Net(lambda n, x: n.act(x * 1), act=nn.SiLU()), [1, -1])
    assert rectified(Net(forward, fails=Fails()), [1, -1]) == expected


@pytest.mark.filterwarnings("ignore:no activation was found")
def test_what_the_model_computes_without_a_graph_stays_so() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        h = x * 1
        with torch.no_grad():
            net.act(h)
        return h

    for make in (nn.ReLU, nn.SiLU):
        assert rectified(Net(forward, act=make(inplace=True)), [1, -1], tau=1e9) == [1, 1]


def test_a_hook_of_the_user_that_uses_the_input_of_a_relu() -> None:
    relu = nn.ReLU()
    relu.register_forward_hook(lambda _module, args, output: output + 3 * args[0])
    assert rectified(Net(lambda n, x: n.relu(x * 1), relu=relu), [1, -1]) == [4, 3]
