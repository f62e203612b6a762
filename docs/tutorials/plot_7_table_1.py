"""
# Reproduce table 1, on one machine or many

Table 1 of Kim et al. (2019) measures the accuracy of networks trained without the pixels that a
method ranks highest (ROAR) or lowest (KAR). Each cell of the table is a separate training, and the
table takes hours. The study has presets, resumes after an interruption, and can run on a cluster.
This tutorial runs the smallest preset offline, interrupts it, and resumes it.
"""

# %%
# ## The command
#
# The command is `rectgrad reproduce roar-kar`. Without `--data` it uses generated shapes. It first
# trains a small network on them and keeps it for other studies. The preset `smoke` tests that the
# study runs: 64 training images, one epoch, one network per cell. **Its numbers are not results.**

import contextlib
import io
import json
import tempfile
import threading
import time
from _thread import interrupt_main
from pathlib import Path

from captum_rectgrad.cli.main import main

work = Path(tempfile.mkdtemp())
run = work / "table-1"
COMMAND = f"reproduce roar-kar --preset smoke --methods saliency,rectgrad --out {run}"


def shell() -> None:
    """Run the command, and print it with its output."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = main(COMMAND.split())
    shown = f"$ rectgrad {COMMAND}\n{said.getvalue()}exit status {status}"
    print(shown.replace(f"{work}/", ""))


def cells() -> list[Path]:
    """The files of the completed cells; each file is written atomically."""
    return [file for file in (run / "cells").glob("*.json") if file.name != "config.json"]


# %%
# ## Interruption
#
# A thread interrupts the command after ten cells, as Ctrl-C does. The exit status of an interrupted
# command is 130.


def press_ctrl_c_after(count: int) -> None:
    """Interrupt the main thread once `count` cells are complete."""
    while len(cells()) < count:
        time.sleep(0.01)
    interrupt_main()


threading.Thread(target=press_ctrl_c_after, args=(10,), daemon=True).start()
shell()
done = {file: file.stat().st_mtime_ns for file in cells()}
print(f"{len(done)} cells are kept; result.json exists: {(run / 'result.json').exists()}")

# %%
# ## Resumption
#
# The same command computes the remaining cells. The folder stores the configuration of the run:
# with another preset, other methods or other images, the command reports an error. Each cell has
# its own seed, so the interruption does not change the result.

shell()
untouched = sum(file.stat().st_mtime_ns == when for file, when in done.items())
print(f"{len(cells())} cells in total; {untouched} of the first {len(done)} were not modified")

# %%
# For a complete run, the command only prints the path of the report:

began = time.perf_counter()
shell()
print(f"{time.perf_counter() - began:.1f} s")

# %%
# ## Output
#
# `report.md` compares the paper's claims with the run. `result.csv` and `result.json` have all
# numbers. `figure.png` is figure 18. The table below has the scores with their 95 % intervals.
# Lower is better:

result = json.loads((run / "result.json").read_text(encoding="utf-8"))
for row in result["rows"]:
    if row["measure"].startswith(("ROAR", "KAR")):
        score = row["score"]
        print(
            f"{row['measure']:12}{row['method']:10}{row['maps'] or '':13}"
            f"{score['value']:.2f} ({score['low']:.2f} to {score['high']:.2f})"
        )
for claim in result["claims"]:
    print(f"\n{claim['verdict']}: {claim['text']}")

# %%

import matplotlib.pyplot as plt

drawn = plt.imread(run / "figure.png")
figure, axes = plt.subplots(
    num="Accuracy by the fraction of pixels removed, kept, or imputed; two methods",
    figsize=(9, 9 * drawn.shape[0] / drawn.shape[1]),
    layout="constrained",
)
axes.imshow(drawn)
axes.axis("off")
plt.show()

# %%
# ## Full-size runs
#
# With CIFAR-10 in a folder (a copy of the Hub data set `uoft-cs/cifar10`), or by that name from
# the Hub:
#
# ```
# rectgrad reproduce roar-kar --preset quick --data cifar10 --out runs/quick
# rectgrad reproduce roar-kar --preset full --data cifar10 --out runs/full
# ```
#
# `quick` takes about an hour on two CPU cores. `full` has the size of the paper: all images, five
# fractions, three networks per cell, 20 epochs. [The recorded table](../results/roar-kar/report.md)
# has this size, with signed maps and without masks alone (the preset `paper`).
#
# **On one GPU**
#
# ```
# rectgrad reproduce roar-kar --preset full --data cifar10 --device cuda --out runs/full
# ```
#
# Devices have different rounding errors, so a folder of one device cannot be resumed on another
# device. On a GPU, 27 networks are trained at once (`--stack`), as one network with grouped
# convolutions. The preset `paper` has table 1 alone. [Use a GPU](../how-to/use-a-gpu.md) shows how
# to make it in several visits.
#
# **On a Ray cluster** (`pip install 'captum-rectgrad[cluster,studies]'`)
#
# ```
# rectgrad reproduce roar-kar --preset full --data cifar10 --engine ray --out runs/full
# rectgrad reproduce roar-kar --preset full --data cifar10 --engine ray \
#     --ray-address auto --device cuda --out runs/full
# ```
#
# The first command starts a cluster on this machine. The second command uses an existing cluster
# (`ray://HOST:10001` for a remote cluster). With `--device cuda`, cells run on the cluster's GPUs.
# If a machine fails, its cells are computed on another machine.
#
# **Tested configurations**: CPUs, and a cluster of one machine. Trainings and maps have been tested
# on one GPU; the whole study on a GPU and clusters of several machines have not.
