"""Means, ranks and agreement of small tables by hand."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from captum_rectgrad.studies.board.cells import Cell
from captum_rectgrad.studies.board.columns import COLUMNS, choose_columns
from captum_rectgrad.studies.board.table import group_table

DELETION, INSERTION = choose_columns(["insertion", "deletion"])[::-1]
METHODS = ("a", "b", "c", "d")


def cells(network: str, means: dict[str, list[float]], noise: float = 0.01) -> list[Cell]:
    found = []
    for column, of_methods in means.items():
        for method, mean in zip(METHODS, of_methods, strict=True):
            values = mean + noise * np.linspace(-1, 1, 20)
            gone = math.isnan(mean)
            found.append(
                Cell(network, method, column, None if gone else values, "broken" if gone else "")
            )
    return found


def test_ranks_and_agreement_by_hand() -> None:
    given = cells("n", {"deletion": [0.1, 0.2, 0.3, 0.4], "insertion": [0.1, 0.2, 0.4, 0.4]})
    table = group_table([given], METHODS, (DELETION, INSERTION), 0)
    ranks = {key: entry.rank.value for key, entry in table.entries.items()}
    assert [ranks["deletion", method] for method in METHODS] == [1, 2, 3, 4]
    assert [ranks["insertion", method] for method in METHODS] == [4, 3, 1.5, 1.5]
    entry = table.entries["deletion", "a"]
    assert entry.mean.value == pytest.approx(0.1)
    assert (entry.rank.low, entry.rank.high) == (1, 1)
    (agreement,) = table.agreement
    assert agreement.spearman == pytest.approx(-0.9486833)
    assert agreement.kendall == pytest.approx(-0.9128709)


def test_overlapping_methods_have_wide_ranks() -> None:
    generator = np.random.default_rng(0)
    given = [Cell("n", method, "deletion", generator.normal(size=20)) for method in METHODS]
    entries = group_table([given], METHODS, (DELETION,), 0).entries
    assert all(e.rank.high - e.rank.low >= 1 for e in entries.values())


def rank_interval(*networks: dict[str, NDArray[np.float64]]) -> tuple[float, float, float]:
    """Rank of method a in deletion, by the values of each method on each network."""
    given = [
        [Cell(str(number), method, "deletion", values) for method, values in of.items()]
        for number, of in enumerate(networks)
    ]
    table = group_table(given, ("a", "b"), (DELETION,), 0)
    rank, mean = table.entries["deletion", "a"].rank, table.mean_ranks["a"].estimate
    assert (mean.value, mean.low, mean.high) == (rank.value, rank.low, rank.high)
    return rank.value, rank.low, rank.high


def test_rank_that_two_images_decide_has_an_interval_by_shared_images() -> None:
    """Of 20 images, a sample lacks both with a probability of (18 / 20) ** 20, or 12 %."""
    decisive = np.r_[np.full(2, -99.0), np.full(18, 1.0)]
    networks = [{"a": decisive, "b": np.zeros(20)}] * 5
    assert rank_interval(*networks) == (1, 1, 2)


def test_rank_by_too_few_images_has_no_interval() -> None:
    """As of a mean; here a has values for 9 of 20 images."""
    few = np.where(np.arange(20) < 9, -1.0, np.nan)
    given = [Cell("n", "a", "deletion", few), Cell("n", "b", "deletion", np.zeros(20))]
    table = group_table([given], ("a", "b"), (DELETION,), 0)
    entry, other = table.entries["deletion", "a"], table.entries["deletion", "b"]
    assert (entry.rank.value, entry.rank.count, entry.mean.count) == (1, 9, 9)
    assert math.isnan(entry.rank.low)
    assert math.isnan(table.mean_ranks["a"].estimate.low)
    assert (other.rank.low, other.rank.high, other.rank.count) == (2, 2, 20)


def test_rank_over_few_networks_has_students_interval() -> None:
    """By the distribution with two degrees of freedom, which a table of it gives.

    Differences of -1, -2 and -4 have a t of 2.65, which more than 2.5 % of samples exceed, though a
    is better on all networks. Those of -2, -2.1 and -2.4 have a t of 18.
    """

    def networks(*means: float) -> list[dict[str, NDArray[np.float64]]]:
        return [{"a": np.full(20, mean), "b": np.zeros(20)} for mean in means]

    assert rank_interval(*networks(-9, 1, 1)) == (1, 1, 2)
    assert rank_interval(*networks(-1, -2, -4)) == (1, 1, 2)
    assert rank_interval(*networks(-2, -2.1, -2.4)) == (1, 1, 1)
    # The network has no others to compare with: its interval is over images.
    assert rank_interval(*networks(-1)) == (1, 1, 1)


def test_equal_methods_differ_on_one_board_in_twenty() -> None:
    """Three networks, which differ by more than their images do."""
    generator = np.random.default_rng(0)
    found = []
    for seed in range(200):
        images = generator.normal(scale=0.1, size=(3, 2, 100))
        values = images + generator.normal(size=(3, 2, 1))
        given = [
            [Cell(str(at), "a", "deletion", first), Cell(str(at), "b", "deletion", second)]
            for at, (first, second) in enumerate(values)
        ]
        entries = group_table(given, ("a", "b"), (DELETION,), seed).entries
        first, second = entries["deletion", "a"].rank, entries["deletion", "b"].rank
        found.append(first.high < second.low or second.high < first.low)
    assert np.mean(found) == pytest.approx(0.05, abs=0.04)


def test_a_cell_that_is_missing_on_one_network_is_missing() -> None:
    nan = float("nan")
    given = [
        cells("n", {"deletion": [0.1, 0.2, 0.3, 0.4]}),
        cells("m", {"deletion": [0.1, nan, 0.5, 0.4]}),
    ]
    entries = group_table(given, METHODS, (DELETION,), 0).entries
    assert entries["deletion", "b"].reason == "broken (m)"
    assert entries["deletion", "c"].mean.value == pytest.approx(0.4)
    assert [entries["deletion", m].rank.value for m in "acd"] == [1, 2.5, 2.5]


def test_undefined_images_are_counted_and_columns_without_direction_have_no_rank() -> None:
    values = np.array([1.0] * 15 + [np.nan] * 5)
    (sparseness,) = choose_columns(["sparseness"])
    given = [Cell("n", method, "sparseness", values) for method in METHODS]
    entry = group_table([given], METHODS, (sparseness,), 0).entries["sparseness", "a"]
    assert entry.undefined == pytest.approx(0.25)
    assert entry.mean.value == 1
    assert math.isnan(entry.rank.value)


def test_columns_have_short_titles_and_unique_keys() -> None:
    assert len({column.key for column in COLUMNS}) == len(COLUMNS) >= 14
    assert max(len(column.title) for column in COLUMNS) <= 14
    with pytest.raises(ValueError, match="'road' is not a column; choose from gridpg"):
        choose_columns(["road"])


def test_mean_ranks_by_hand() -> None:
    """The cost does not count, and a method without a value in a column has one column less."""
    nan = float("nan")
    columns = choose_columns(["deletion", "insertion", "sparseness", "cost"])
    given = cells("n", {
        "deletion": [0.1, 0.2, 0.3, 0.4],  # ranks 1, 2, 3, 4
        "insertion": [0.4, 0.4, nan, 0.2],  # ranks 1.5, 1.5, none, 3
        "sparseness": [0.1, 0.2, 0.3, 0.4],
        "cost": [4, 3, 2, 1],
    })  # fmt: skip
    found = group_table([given], METHODS, columns, 0).mean_ranks
    assert [found[method].estimate.value for method in METHODS] == [1.25, 1.75, 3, 3.5]
    assert [found[method].columns for method in METHODS] == [2, 2, 1, 2]
    assert [found[method].whole for method in METHODS] == [True, True, False, True]
    # The methods differ by more than their noise in every sample of images.
    assert all(e.estimate.low == e.estimate.value == e.estimate.high for e in found.values())


def test_mean_rank_has_the_interval_of_its_column() -> None:
    generator = np.random.default_rng(0)
    given = [Cell("n", method, "deletion", generator.normal(size=20)) for method in METHODS]
    table = group_table([given], METHODS, (DELETION,), 0)
    for method in METHODS:
        rank, mean = table.entries["deletion", method].rank, table.mean_ranks[method].estimate
        assert (mean.value, mean.low, mean.high) == (rank.value, rank.low, rank.high)
    few = [Cell("n", method, "deletion", generator.normal(size=5)) for method in METHODS]
    assert math.isnan(group_table([few], METHODS, (DELETION,), 0).mean_ranks["a"].estimate.low)


def test_a_method_without_an_image_that_all_networks_have_is_not_available() -> None:
    first = np.where(np.arange(20) < 10, np.nan, 0.5)
    given = [
        [Cell(name, "a", "deletion", values), Cell(name, "b", "deletion", np.full(20, 0.1))]
        for name, values in (("n", first), ("m", first[::-1]))
    ]
    table = group_table(given, ("a", "b"), (DELETION,), 0)
    assert table.entries["deletion", "a"].reason.startswith("the measure is not defined for any")
    assert table.entries["deletion", "b"].rank.value == 1
