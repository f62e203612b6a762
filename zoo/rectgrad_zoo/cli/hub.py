"""The commands `rectgrad zoo` fetch and publish, which access the Hub."""
# ruff: noqa: T201 (a command prints)

import argparse
import sys

from huggingface_hub import constants

from rectgrad_zoo.errors import ZooError, message_of
from rectgrad_zoo.hub.cache import cached
from rectgrad_zoo.hub.errors import UnreachableError
from rectgrad_zoo.hub.names import parse_hub_name
from rectgrad_zoo.loading import fetched, load, load_snapshot
from rectgrad_zoo.sources import Source, resolve
from rectgrad_zoo.training.publish import prepare, publish
from rectgrad_zoo.weights_origin import provenance

_FAILED = 2  # the exit status of every invalid request
_PLACES = {"embedded": "this package", "package": "another installed package"}


def fetch(args: argparse.Namespace) -> int:
    """Download checkpoints; a failure does not stop the remaining downloads.

    Args:
        args: of the parser in `captum_rectgrad.cli.zoo`.

    Returns:
        The exit status: 0, or 2 if a download failed.
    """
    done = [_fetch_named(name) for name in args.names]
    return 0 if all(done) else _FAILED


def _fetch_named(name: str) -> bool:
    try:
        print(f"{name}: {_fetch_one(resolve(name))}", flush=True)
    except (ZooError, ValueError, OSError, RuntimeError) as error:
        print(f"rectgrad: error: {message_of(error)}", file=sys.stderr)
        return False
    return True


def _fetch_one(source: Source) -> str:
    if source.hub is None:
        origin = provenance(load(source.name))
        where = _PLACES.get(source.kind, f"{source.folder}, a folder on this machine")
        if parse_hub_name(source.name):
            where += f" (the repository of that name is hf:{source.name})"
        return f"nothing to fetch; in {where}, SHA-256 {origin.sha256}"
    there, comment = cached(source.hub), ""
    try:
        model, _ = fetched(source, source.hub)
    except UnreachableError as error:
        if there is None:
            raise
        model = load_snapshot(source, there)
        comment = f"; the Hub was not checked for a newer commit: {error.reason}"
    origin = provenance(model)
    where = f"{origin.repo}@{origin.commit}, SHA-256 {origin.sha256}"
    return f"{where}, in {constants.HF_HUB_CACHE}{comment}"


def publish_folder(args: argparse.Namespace) -> int:
    """Upload a checkpoint folder and print the revision and the hash to pin.

    Args:
        args: of the parser in `captum_rectgrad.cli.zoo`.

    Returns:
        The exit status: 0.

    Raises:
        ZooError: the folder is not a valid checkpoint, or the Hub refuses it.
        ValueError: the name of the repository is not valid.
    """
    planned = prepare(args.folder, args.repo)
    for name, size in planned.files.items():
        print(f"{size:>12,}  {name}")
    if args.dry_run:
        print(f"dry run: nothing was uploaded to {args.repo}")
    else:
        published = publish(args.folder, planned, private=args.private)
        print(f"published as {args.repo}; to pin it in the registry:")
        print(f"revision  {published.commit}")
    print(f"SHA-256   {planned.sha256}")
    return 0
