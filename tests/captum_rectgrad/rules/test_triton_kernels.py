"""The Triton kernels compile for GPUs, which needs none."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton")

# In a process without Triton's interpreter.
COMPILE = """
import inspect
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from captum_rectgrad.rules import triton_kernels as kernels

WHOLE = {"work", "passed"}
for kernel in (kernels.short_rows, kernels.propose, kernels.split, kernels.finish):
    for dtype in ("fp32", "bf16"):
        constants, signature = {}, {}
        for name in inspect.signature(kernel.fn).parameters:
            if name.isupper():
                constants[name] = "PR1" if name == "NAME" else 1024
                signature[name] = "constexpr"
            elif name in ("activation", "grad_output", "out"):
                signature[name] = "*" + dtype
            else:
                signature[name] = "*i32" if name in WHOLE else "i32"
        source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
        for capability in (80, 90):
            compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32))
            assert f"sm_{capability}" in compiled.asm["ptx"]
print("compiled")
"""


def test_kernels_compile_for_gpus() -> None:
    """The interpreter accepts what the compiler does not."""
    environment = {**os.environ, "TRITON_INTERPRET": "0"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "compiled\n"), done.stderr
