"""
# Reproduce table 1, on one machine or many

Table 1 of Kim et al. (2019) asks how much a network still learns when the pixels are gone that a
method ranks highest (ROAR) or lowest (KAR). Each cell is a training of its own: the table is
hours of work. So it has presets, goes on where it was interrupted, and can be handed to a
cluster. This page runs the smallest preset, offline, interrupts it, and goes on.
"""

# %%
# ## The command
#
# `rectgrad reproduce roar-kar`. Without `--data` it works on shapes that the package draws, with
# a small network that is trained on them first and kept for other studies. `smoke` is the size
# that shows that all works: 64 training images, one epoch, one network for each cell. **Its
# numbers are no result.**

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
    """Run the command, and print it with what it says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = main(COMMAND.split())
    shown = f"$ rectgrad {COMMAND}\n{said.getvalue()}exit status {status}"
    print(shown.replace(f"{work}/", ""))


def cells() -> list[Path]:
    """The files of the cells that are done; each is written whole or not at all."""
    return [file for file in (run / "cells").glob("*.json") if file.name != "config.json"]


# %%
# ## Interrupted
#
# Somebody presses Ctrl-C when ten cells are done. (Here, a thread does.) Exit status 130 is that
# of an interrupted command.


def press_ctrl_c_after(count: int) -> None:
    """Interrupt the main thread once there are so many cells."""
    while len(cells()) < count:
        time.sleep(0.01)
    interrupt_main()


threading.Thread(target=press_ctrl_c_after, args=(10,), daemon=True).start()
shell()
done = {file: file.stat().st_mtime_ns for file in cells()}
print(f"{len(done)} cells are kept; result.json exists: {(run / 'result.json').exists()}")

# %%
# ## The same command again
#
# What is there is left alone, the rest is done. The folder knows what it is a run of: another
# preset, other methods or images are refused. The cells come out as they would have without the
# interruption, as each has a seed of its own.

shell()
untouched = sum(file.stat().st_mtime_ns == when for file, when in done.items())
print(f"{len(cells())} cells in all; {untouched} of the first {len(done)} were not touched")

# %%
# Once it is done, the command does nothing but say where the report is:

began = time.perf_counter()
shell()
print(f"{time.perf_counter() - began:.1f} s")

# %%
# ## What comes out
#
# `report.md` sets the paper's claims beside the run, `result.csv` and `result.json` have all
# numbers, and `figure.png` is figure 18. The scores with their 95 % intervals, the lower the
# better:

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
# ## The real sizes
#
# With CIFAR-10 in a folder (a copy of the Hub data set `uoft-cs/cifar10`), or by that name from
# the Hub:
#
# ```
# rectgrad reproduce roar-kar --preset quick --data cifar10 --out runs/quick
# rectgrad reproduce roar-kar --preset full --data cifar10 --out runs/full
# ```
#
# `quick` took an hour on two CPU cores that did other work as well; [its
# table](../results/roar-kar/report.md) is recorded. `full` has the paper's size: all images, five
# fractions, three networks for each cell, 20 epochs. Nobody has run it for this project yet.
#
# **On one GPU**
#
# ```
# rectgrad reproduce roar-kar --preset full --data cifar10 --device cuda --out runs/full
# ```
#
# Another device rounds differently, so it is another run: a folder begun on one is refused on the
# other. On a GPU several networks are trained at once (`--stack`), each the one it is alone.
#
# **On a Ray cluster** (`pip install 'captum-rectgrad[cluster,studies]'`)
#
# ```
# rectgrad reproduce roar-kar --preset full --data cifar10 --engine ray --out runs/full
# rectgrad reproduce roar-kar --preset full --data cifar10 --engine ray \
#     --ray-address auto --device cuda --out runs/full
# ```
#
# The first starts a cluster on this machine, the second uses the one that is there
# (`ray://HOST:10001` for one elsewhere); with `--device cuda` cells run on the cluster's GPUs. A
# machine that is lost has its cells done again elsewhere.
#
# **What was tried**: on CPUs all of this, the cluster on one machine. Nothing was run on a GPU by
# this project, nor on a cluster of several machines.
