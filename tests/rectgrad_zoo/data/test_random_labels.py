import torch

from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.data.random_labels import RandomLabels, relabelled


def test_labels_are_shuffled_by_the_seed_and_nothing_else() -> None:
    data = LabelledImages(torch.zeros(1000, 3, 1, 1, dtype=torch.uint8), torch.arange(1000) % 10)
    shuffled = relabelled(data, RandomLabels(seed=0)).labels
    assert torch.equal(shuffled, relabelled(data, RandomLabels(seed=0)).labels)
    assert not torch.equal(shuffled, relabelled(data, RandomLabels(seed=1)).labels)
    assert torch.bincount(shuffled).tolist() == [100] * 10
    # By chance 100 of 1000 stay what they were, give or take five standard deviations of 9.5.
    assert abs(int((shuffled == data.labels).sum()) - 100) < 48
    # Pinned: the weights trained on these labels are published.
    assert shuffled[:10].tolist() == [5, 1, 9, 1, 0, 3, 0, 6, 8, 7]


def test_true_labels_stay_as_they_are() -> None:
    data = LabelledImages(torch.zeros(2, 3, 1, 1, dtype=torch.uint8), torch.arange(2))
    assert relabelled(data, None) is data
