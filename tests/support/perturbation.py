"""`pytest --perturb SEED`: rounding errors of another machine, on this one.

The order in which a convolution, a matrix product or a normalisation adds its terms depends on the
CPU, on the number of threads, on the library and on the batch size. With this option the results of
these operations, forward and backward, are multiplied by `1 + noise` where the noise has a
standard deviation of `SCALE`. A test that fails for some seed depends on rounding. Float64 is left
alone: the tests that compare decisions (signs, ranks, masks) use it because its rounding errors are
too small to change one.

Every call has noise of its own, even a repeated one. A test that compares two ways of doing one and
the same sequence of operations bit for bit is marked `bitwise`. There the noise depends on the
operation and on the shapes, strides and types of its arguments only, so that a false mark fails.

Processes that a test starts are not perturbed; its threads are.
"""

import hashlib
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_flatten

# Standard deviation of the relative error. For lower precisions a unit in the last place is larger.
SCALE = {torch.float32: 1e-6, torch.bfloat16: 2**-8, torch.float16: 2**-11}

OPERATIONS = {
    "convolution",
    "_convolution",
    "convolution_overrideable",
    "mkldnn_convolution",
    "convolution_backward",
    "mm",
    "addmm",
    "bmm",
    "baddbmm",
    "addbmm",
    "mv",
    "addmv",
    "dot",
    "vdot",
    "matmul",
    "linear",
    "linear_backward",
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention_for_cpu_backward",
    "native_batch_norm",
    "_native_batch_norm_legit",
    "_native_batch_norm_legit_no_training",
    "_batch_norm_with_update",
    "batch_norm_backward",
    "native_batch_norm_backward",
    "native_layer_norm",
    "native_layer_norm_backward",
    "native_group_norm",
    "native_group_norm_backward",
    "_fused_rms_norm",
    "_fused_rms_norm_backward",
    "mkldnn_rnn_layer",
    "mkldnn_rnn_layer_backward",
}


_RUN = threading.Thread.run


class Perturbation(TorchDispatchMode):
    """Multiplies the results of `OPERATIONS` by `1 + noise`.

    Args:
        key: what the noise is drawn from, besides what `repeatable` adds.
        repeatable: the same operation on operands of the same shapes has the same noise.
    """

    def __init__(self, key: str, *, repeatable: bool = False) -> None:
        super().__init__()
        self._key = key
        self._repeatable = repeatable
        self._generator = _generator(key)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        # A function mode of the package or of the test must not see these calls: without
        # perturbation PyTorch makes them below the level of function modes.
        with torch._C.DisableTorchFunction():
            if func.overloadpacket.__name__.rstrip("_") not in OPERATIONS:
                return func(*args, **kwargs)
            return self._noisy(func, args, kwargs)

    def _noisy(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        result = func(*args, **kwargs)
        generator = self._generator
        if self._repeatable:
            operands = tree_flatten((args, kwargs))[0]
            generator = _generator(f"{self._key} {func} {[_described(one) for one in operands]}")
        for tensor in tree_flatten(result)[0]:
            # Fake tensors and other subclasses have no numbers.
            if type(tensor) is Tensor and tensor.dtype in SCALE and not tensor.is_meta:
                noise = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
                tensor.mul_((1 + SCALE[tensor.dtype] * noise).to(tensor.device, tensor.dtype))
        return result


def _described(operand: object) -> object:
    if isinstance(operand, Tensor):
        return tuple(operand.shape), operand.stride(), operand.dtype
    return operand


def _generator(key: str) -> torch.Generator:
    digest = hashlib.sha256(key.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))


@contextmanager
def perturbed(key: str, *, repeatable: bool = False) -> Iterator[None]:
    """Perturb this thread and the threads that are started meanwhile.

    Args:
        key: as for `Perturbation`.
        repeatable: as for `Perturbation`.
    """
    before = threading.Thread.run

    def run(thread: threading.Thread) -> None:
        own = key if repeatable else f"{key} {thread.name}"
        with Perturbation(own, repeatable=repeatable):
            _RUN(thread)

    threading.Thread.run = run  # type: ignore[assignment, method-assign]
    try:
        with Perturbation(key, repeatable=repeatable):
            yield
    finally:
        threading.Thread.run = before  # type: ignore[method-assign]


@pytest.fixture
def unperturbed() -> Iterator[None]:
    """For a test that a dispatch mode disturbs although rounding does not.

    The mode repeats each operation below itself, which a profiler counts; it hides values from
    `torch.jit.trace`; and compiled code is compiled again where it begins or ends.
    """
    with _disable_current_modes():
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--perturb",
        type=int,
        metavar="SEED",
        help="multiply the results of float32 convolutions, matrix products and normalisations by "
        "1 + 1e-6 * noise, to find tests that depend on rounding",
    )


def pytest_report_header(config: pytest.Config) -> str | None:
    seed = config.getoption("--perturb")
    return None if seed is None else f"perturbation: seed {seed}"


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Perturb what tests share as a `bitwise` test, whichever of them comes first."""
    seed = request.config.getoption("--perturb")
    if seed is None or fixturedef.scope == "function":
        return (yield)
    with _disable_current_modes(), perturbed(f"{seed} ", repeatable=True):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Perturb a test with its fixtures."""
    seed = item.config.getoption("--perturb")
    if seed is None:
        return (yield)
    bitwise = item.get_closest_marker("bitwise") is not None
    with perturbed(f"{seed} {'' if bitwise else item.nodeid}", repeatable=bitwise):
        return (yield)
