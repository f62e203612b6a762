"""One thread for each operation, in this process and in those it starts.

With tensors as small as those of tests more threads only wait for each other, the workers of
pytest-xdist share the cores already, and the bytes of a training depend on the number.
"""

import os

import torch

os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)
