"""What a reader of a check's numbers has to know, in sentences."""

from collections.abc import Sequence

from captum_rectgrad.sanity.check import CheckReport

_SHOWN = 8  # names


def notes(checked: CheckReport) -> list[str]:
    """What intervals are over, which maps are empty, which parameters are not simply made anew.

    Args:
        checked: the outcome.

    Returns:
        Sentences.
    """
    made, uncalled = checked.cascade.made, checked.cascade.never_called
    found = [_intervals(checked)]
    if checked.empty or checked.cascade.empty.any() or checked.single.empty.any():
        found.append(_empty_maps(checked))
    broken = int((~checked.original.isfinite()).flatten(1).any(dim=1).sum())
    if broken:
        found.append(
            f"{broken} of the model's {len(checked.original)} maps hold NaN or infinity, and are "
            "like nothing: look at the model's weights, and at the method."
        )
    if made.drawn:
        found.append(
            f"How {_count(made.drawn)} made anew is not defined, as there is "
            f"no reset_parameters ({_some(made.drawn)}): they were drawn from normal distributions "
            "with the same means and standard deviations."
        )
    if made.left:
        found.append(
            f"Of layers made random {_count(made.left)} as before ({_some(made.left)}): of one "
            "value only, given the same again by reset_parameters, or of a parametrisation that "
            "has no inverse."
        )
    if uncalled:
        found.append(
            f"{_modules(uncalled)} never called, and not made random "
            f"({_some(uncalled)}): the model does not use them, or hands their parameters to a "
            "function."
        )
    return found


def _intervals(checked: CheckReport) -> str:
    repeats = checked.cascade.logits.shape[1]
    if repeats == 1:
        return (
            "Layers were made random once: all intervals are over the images, and say nothing of "
            "other random parameters."
        )
    return (
        f"Layers were made random {repeats} times, each time with other parameters: intervals of "
        "randomisation are over these and over the images, all others over the images."
    )


def _empty_maps(checked: CheckReport) -> str:
    random = [checked.cascade.empty, checked.single.empty]
    return (
        f"{checked.empty} of the model's {len(checked.original)} maps are empty, and left out. "
        f"{sum(int(each.sum()) for each in random)} of {sum(each.size for each in random)} maps of "
        "models with random layers are: where the model's own is not, that counts as no likeness "
        "(0), as it does for other classes."
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
    return ", ".join(names[:_SHOWN]) + (" and others" if len(names) > _SHOWN else "")
