"""Parquet files of data sets on the Hugging Face Hub."""

import re
from collections.abc import Iterable
from pathlib import Path

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.cache import Snapshot, cached_commit, keep, listed_tags, snapshot_folder
from rectgrad_zoo.hub.download import store
from rectgrad_zoo.hub.errors import one_line
from rectgrad_zoo.hub.listing import list_files
from rectgrad_zoo.hub.names import HubName
from rectgrad_zoo.hub.time_limit import time_limit

_KIND = "dataset"
# As the Hub's libraries name them, in the root or in one folder.
_FILE = r"(?:[\w-]+/)?{split}-\d{{5}}-of-\d{{5}}\.parquet"


def data_set_files(hub: HubName, split: str) -> list[Path]:
    """The parquet files of a split, from the cache or, if they are not there, from the Hub.

    Args:
        hub: The data set.
        split: `train` or `test`.

    Returns:
        The files, in order, with checked hashes.

    Raises:
        UnreachableError: If the Hub cannot be reached.
        ZooError: If the data set does not exist or has no such files, a file is damaged or too
            large, or the disk is full.
    """
    failed = f"{hub} is not a local folder and cannot be loaded from the Hub"
    pattern = re.compile(_FILE.format(split=split))
    found = _cached(hub)
    names = _matching(pattern, listed_tags(found.folder)) if found is not None else []
    if found is None or not names or not all((found.folder / name).is_file() for name in names):
        with (
            one_line(failed, hub, "Pass a folder, or set HF_ENDPOINT to a mirror."),
            time_limit() as allowed,
        ):
            listing = list_files(hub, _KIND, allowed)
            names = _matching(pattern, listing.entries)
            if not names:
                raise ZooError(
                    f"{failed}: {hub.repo} has no {split}-*.parquet. Expected parquet files named "
                    "as in uoft-cs/cifar10."
                )
            found = store(hub, _KIND, listing, names, allowed)
        keep(hub, found)
    remedy = f"Remove the folder {found.folder.parents[1]} to download the data set again."
    found.check(names, remedy)
    return [found.folder / name for name in names]


def _cached(hub: HubName) -> Snapshot | None:
    commit = cached_commit(hub, _KIND)
    if commit is None:
        return None
    return Snapshot(hub.repo, commit, snapshot_folder(hub.repo, _KIND, commit))


def _matching(pattern: re.Pattern[str], names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if pattern.fullmatch(name))
