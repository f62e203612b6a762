"""Default options of the checks, importable without PyTorch."""

BOUND = 0.5  # similarity above which maps count as the same; equal maps have 1
STEPS = 8  # number of layers at which maps of randomised models are computed
OTHERS = 3  # number of classes to compare with the explained one
REPEATS = 3  # number of randomisations of every layer
BATCH_SIZE = 50
