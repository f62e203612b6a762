"""The command `rectgrad app`: arguments are checked before PyTorch and Gradio are imported."""

import argparse
import errno
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from captum_rectgrad.cli.explain import read_labels
from captum_rectgrad.cli.known_names import check_model, check_weights, is_own_model

if TYPE_CHECKING:
    from captum_rectgrad.app.networks import Network

LAST_PORT = 65535


def run_app(args: argparse.Namespace) -> int:
    """Check the arguments, load the user's own networks and serve the page until interrupted.

    Args:
        args: parsed by `app_arguments`.

    Returns:
        The exit status: 0.

    Raises:
        ValueError: an argument is invalid, the port is in use, or a network is not a classifier.
        TypeError: a function of the user's returned something other than a network.
        RectGradError: Gradio is not installed.
        ZooError: the weights cannot be read or do not fit.
    """
    for name in args.model:
        check_model(name)
    labels = _check_files(args)
    check_port(args.host, args.port)
    from captum_rectgrad.app.server import serve  # noqa: PLC0415 (PyTorch)

    own = {
        name: _load(name, args.weights, labels)
        for name in args.model
        if is_own_model(name) or args.weights or labels
    }
    serve(args.model, host=args.host, port=args.port, own=own)
    return 0


def check_port(host: str, port: int) -> None:
    """Check that a server can listen.

    Args:
        host: address to listen on.
        port: port to listen on; 0 for any free port.

    Raises:
        ValueError: the port is out of range or in use, or there is no such address.
    """
    if not 0 <= port <= LAST_PORT:
        raise ValueError(f"--port must be in [0, {LAST_PORT}], got {port}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ValueError(f"port {port} is in use; choose another with --port") from error
        raise ValueError(
            f"cannot listen on {host}, port {port}: {error.strerror}; choose another --host or "
            "--port"
        ) from error


def _check_files(args: argparse.Namespace) -> list[str] | None:
    """Check the files of the user's own network; return the names of its classes."""
    given = [f"--{name}" for name in ("weights", "labels") if getattr(args, name) is not None]
    if given and len(args.model) != 1:
        raise ValueError(
            f"{given[0]} is for a single model, got {len(args.model)}: {' '.join(args.model)}; "
            "give one, such as --model resnet18"
        )
    if args.weights is not None:
        check_weights(args.weights)
    return None if args.labels is None else read_labels(args.labels)


def _load(name: str, weights: str | None, labels: Sequence[str] | None) -> "Network":
    from captum_rectgrad.app.networks import Network  # noqa: PLC0415
    from captum_rectgrad.cli.own_model import load_model  # noqa: PLC0415

    network = Network(*load_model(name, weights, "cpu"), labels)
    network.check()
    return network
