"""What was measured, as JSON and as a page."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from benchmarks.attribution.record import machine
from benchmarks.training.accuracy import BOUND, Compared
from benchmarks.training.contenders import BATCH, Contender
from benchmarks.training.timing import Speed, peak_of

# Table 1: seven methods and random, five fractions, three networks, ROAR and KAR, and three
# networks on whole images; 20 epochs on all of CIFAR-10.
TRAININGS = 8 * 5 * 3 * 2 + 3
TABLE_IMAGES = TRAININGS * 20 * 50_000


def as_json(
    ways: Sequence[Contender],
    speeds: Mapping[str, Speed | str],
    operations: float,
    device: torch.device,
) -> dict[str, Any]:
    """The record of speeds.

    Args:
        ways: what was timed.
        speeds: by their keys.
        operations: floating point operations an image.
        device: where.
    """
    about = machine(device)
    peak = peak_of(str(about["device"]))
    return {
        "machine": about,
        "batch": BATCH,
        "operations per image": operations,
        "peak in bfloat16": peak,
        "ways": {
            way.key: {
                "title": way.title,
                "networks": way.networks,
                "precision": way.precision,
                **_speed(way, speeds[way.key], operations, peak),
            }
            for way in ways
        },
    }


def _speed(
    way: Contender, speed: Speed | str, operations: float, peak: float | None
) -> dict[str, Any]:
    if isinstance(speed, str):
        return {"cannot": speed}
    # What computes in float32 has another peak.
    known = peak is not None and way.precision == "bfloat16"
    return {
        "images per second": speed.images,
        "times the plain loop": asdict(speed.ratio),
        "share of peak": speed.images * operations / peak if known and peak else None,
        "minutes for table 1": TABLE_IMAGES / speed.images / 60,
    }


def page(record: Mapping[str, Any]) -> str:
    """A table of the speeds.

    Args:
        record: as `as_json` makes it.

    Returns:
        Markdown.
    """
    about = record["machine"]
    peak = record["peak in bfloat16"]
    lines = [
        "# How fast networks are trained",
        "",
        f"`cifar10_cnn`, Adam, batches of {record['batch']}, masks made on the fly, "
        f"{record['operations per image'] / 1e6:.1f} million operations an image. Medians of "
        "rounds in which every way does some steps, with 95 % intervals from order statistics. "
        f"On {about['device']}, {about['threads']} threads, torch {about['versions']['torch']}. "
        + (f"Peak in bfloat16: {peak / 1e12:.0f} TFLOP/s. " if peak else "")
        + f"Minutes are those of table 1: {TRAININGS} trainings of 20 epochs on 50,000 images. "
        "Made by `python -m benchmarks.training`.",
        "",
        "| Networks | Precision | Images/s | Times the plain loop | Share of peak | Minutes |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for way in record["ways"].values():
        head = f"| {way['title']} | {way['precision']} | "
        if "cannot" in way:
            lines.append(f"{head}cannot: {way['cannot']} | | | |")
            continue
        ratio, share = way["times the plain loop"], way["share of peak"]
        lines.append(
            f"{head}{way['images per second']:,.0f} | {ratio['median']:.2f} "
            f"({ratio['low']:.2f} to {ratio['high']:.2f}) | "
            f"{f'{share:.1%}' if share else ''} | {way['minutes for table 1']:,.0f} |"
        )
    return "\n".join(lines) + "\n"


def accuracy_page(found: Compared, about: str) -> str:
    """The comparison of accuracies in words.

    Args:
        found: it.
        about: what was trained.

    Returns:
        Markdown.
    """
    lines = [
        "# Accuracy in float32 and bfloat16",
        "",
        about,
        "",
        "| Precision | Networks | Mean | Standard deviation | Least | Most |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in ("float32", "bfloat16"):
        values = np.array(getattr(found, name))
        lines.append(
            f"| {name} | {len(values)} | {values.mean():.2%} | {values.std(ddof=1):.2%} | "
            f"{values.min():.2%} | {values.max():.2%} |"
        )
    verdict = (
        f"bfloat16 less float32: {found.difference:+.2%}, 95 % interval {found.low:+.2%} to "
        f"{found.high:+.2%} (Student's t, paired by seed). It is "
        f"{'' if found.is_equivalent else 'not '}within {BOUND:.1%} either way."
    )
    lines += ["", verdict]
    return "\n".join(lines) + "\n"
