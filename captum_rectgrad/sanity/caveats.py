"""Notes on a check's numbers: intervals, empty maps, and how parameters were randomised."""

from collections.abc import Sequence

from captum_rectgrad.sanity.check import CheckReport

_SHOWN = 8  # number of names in a list


def notes(checked: CheckReport) -> list[str]:
    """Notes on intervals, empty maps, and parameters without a default initialisation.

    Args:
        checked: outcome of the checks.

    Returns:
        One sentence or more in each string.
    """
    made, uncalled = checked.cascade.made, checked.cascade.never_called
    found = [_intervals(checked)]
    if checked.empty or checked.cascade.empty.any() or checked.single.empty.any():
        found.append(_empty_maps(checked))
    broken = int((~checked.original.isfinite()).flatten(1).any(dim=1).sum())
    if broken:
        found.append(
            f"{broken} of the model's {len(checked.original)} maps have NaN or infinite values "
            "and no similarity. Check the model's weights and the method."
        )
    if made.drawn:
        found.append(
            f"{_count(made.drawn)} drawn from a normal distribution ({_some(made.drawn)}): the "
            "layer has no reset_parameters, so the previous mean and standard deviation are used."
        )
    if made.left:
        found.append(
            f"{_count(made.left)} unchanged ({_some(made.left)}) in randomised layers: the values "
            "are constant, reset_parameters sets the same values again, or a parametrisation has "
            "no inverse."
        )
    if uncalled:
        found.append(
            f"{_modules(uncalled)} never called and not randomised ({_some(uncalled)}): the model "
            "does not use them, or passes their parameters to a function."
        )
    return found


def _intervals(checked: CheckReport) -> str:
    repeats = checked.cascade.logits.shape[1]
    if repeats == 1:
        return (
            "Layers were randomised once. All intervals are over the images and do not generalise "
            "to other random parameters."
        )
    return (
        f"Layers were randomised {repeats} times with different parameters. Intervals of "
        "randomisation are over these and over the images, all other intervals over the images."
    )


def _empty_maps(checked: CheckReport) -> str:
    random = [checked.cascade.empty, checked.single.empty]
    return (
        f"{checked.empty} of the model's {len(checked.original)} maps are empty, and left out. "
        f"{sum(int(each.sum()) for each in random)} of {sum(each.size for each in random)} maps of "
        "randomised models are empty: their similarity is 0 if the model's own map is not empty. "
        "The same applies to maps of other classes."
    )


def _modules(names: Sequence[str]) -> str:
    return (
        "1 module with parameters is"
        if len(names) == 1
        else f"{len(names)} modules with parameters are"
    )


def _count(names: Sequence[str]) -> str:
    return "1 parameter is" if len(names) == 1 else f"{len(names)} parameters are"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (" and more" if len(names) > _SHOWN else "")
