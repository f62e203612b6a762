"""The commands of `rectgrad zoo` that talk to the Hub: fetch, publish."""
# ruff: noqa: T201 (a command prints)

import argparse
import sys
from pathlib import Path

from huggingface_hub import constants

from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import load_folder
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub import download
from rectgrad_zoo.loading import hub_source
from rectgrad_zoo.origins import provenance
from rectgrad_zoo.publishing import prepare, publish


def add_fetch(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `fetch`."""
    fetch = commands.add_parser(
        "fetch",
        help="download checkpoints, for a machine without network later",
        description="Download checkpoints into the cache of the Hub's client (HF_HOME), or the "
        "newer commit of one that is there, and check that they load.",
    )
    fetch.add_argument(
        "names",
        metavar="NAME",
        nargs="+",
        help="name of the zoo, of timm, or OWNER/NAME on the Hub, with @REVISION or without",
    )
    fetch.set_defaults(run=_fetch)


def add_publish(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `publish`."""
    command = commands.add_parser(
        "publish",
        help="upload a checkpoint's folder to the Hub",
        description="Upload a checkpoint's folder to the Hub in one commit, as the account of "
        "HF_TOKEN, and print the revision and the hash to pin.",
    )
    command.add_argument("folder", metavar="DIR", type=Path, help="checkpoint folder")
    command.add_argument("--repo", metavar="OWNER/NAME", required=True, help="where it goes")
    command.add_argument(
        "--private", action="store_true", help="for the owner alone, if it is created now"
    )
    command.add_argument(
        "--dry-run", action="store_true", help="check the folder and say what would be sent"
    )
    command.set_defaults(run=_publish)


def _fetch(args: argparse.Namespace) -> int:
    """Fetch all that can be: one that fails does not keep the others from it."""
    failures = [error for name in args.names if (error := _failure(name)) is not None]
    for error in failures[:-1]:
        print(f"rectgrad: error: {error}", file=sys.stderr)
    if failures:
        raise failures[-1]
    return 0


def _failure(name: str) -> ZooError | ValueError | None:
    try:
        print(f"{name}: {_fetch_one(name)}", flush=True)
    except (ZooError, ValueError) as error:
        return error
    return None


def _fetch_one(name: str) -> str:
    hub = hub_source(name)
    if hub is None:
        row = registry.find(name)
        if row is None:
            raise ValueError(
                f"Unknown checkpoint {name!r}. Expected a name of `rectgrad zoo list` or of timm, "
                "or OWNER/NAME on the Hub."
            )
        return f"nothing to fetch, its weights are installed with a package ({row.source})"
    source, sha256 = hub
    found = download(source, name, sha256)
    origin = provenance(load_folder(found.folder, sha256 or found.stated_sha256))
    return f"{found.repo}@{found.commit}, SHA-256 {origin.sha256}, in {constants.HF_HUB_CACHE}"


def _publish(args: argparse.Namespace) -> int:
    planned = prepare(args.folder, args.repo)
    for name, size in planned.files.items():
        print(f"{size:>12,}  {name}")
    if args.dry_run:
        print(f"would be sent to {args.repo}; nothing was")
    else:
        published = publish(args.folder, args.repo, private=args.private)
        print(f"published as {args.repo}; to pin it in the registry:")
        print(f"revision  {published.commit}")
    print(f"SHA-256   {planned.sha256}")
    return 0
