import torch

from captum_rectgrad.evaluation.seeds import derived_seed


def test_seeds_are_their_parts_own() -> None:
    found = {derived_seed(seed, split, i) for seed in range(9) for split in "ab" for i in range(99)}
    assert len(found) == 9 * 2 * 99
    # PyTorch's generator on the CPU looks at these alone.
    assert len({seed % 2**32 for seed in found}) == len(found)
    assert derived_seed(0, "train", 200) == derived_seed(0, "train", 200)


def test_pytorch_accepts_a_derived_seed() -> None:
    for part in range(50):
        torch.Generator().manual_seed(derived_seed(-1, part))
