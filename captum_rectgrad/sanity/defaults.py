"""What the checks use where nothing else is said, apart from what needs PyTorch."""

BOUND = 0.5  # of a similarity that is 1 for equal maps
STEPS = 8  # layers at which maps of randomised models are made
OTHERS = 3  # classes that the explained one is compared with
REPEATS = 3  # re-initialisations of every layer
BATCH_SIZE = 50
