"""The server of the page: for this machine alone unless told otherwise."""

import ipaddress
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from captum_rectgrad.app.uploads import MAX_TOTAL_BYTES, remove_oldest
from captum_rectgrad.errors import RectGradError

if TYPE_CHECKING:
    from captum_rectgrad.app.networks import Network

SWEEP_SECONDS = 1.0


def serve(
    models: Sequence[str],
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    own: "Mapping[str, Network] | None" = None,
) -> None:
    """Serve the page until the process is interrupted or terminated.

    Args:
        models: names of the offered models, as for `rectgrad_zoo.load`; the first is the default.
        host: address to listen on.
        port: port to listen on; 0 for any free port.
        own: those of the offered models that are loaded already, by name.

    Raises:
        RectGradError: Gradio is not installed.
        OSError: the port is in use.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that files are removed then, too
    with launched(models, host, port, own) as address:
        print(f"RectGrad runs at {address} (Ctrl+C ends it)", flush=True)  # noqa: T201
        threading.Event().wait()


@contextmanager
def launched(
    models: Sequence[str], host: str, port: int, own: "Mapping[str, Network] | None" = None
) -> Iterator[str]:
    """Serve the page inside the context.

    Uploads and downloads are in a temporary folder, which is removed at the end. Other models than
    the given ones are accepted on a loopback address only, since their names can be paths. A proxy
    that publishes a loopback address publishes this, too: let it forward to another address.

    Args:
        models: as for `serve`.
        host: as for `serve`.
        port: as for `serve`.
        own: as for `serve`.

    Yields:
        The address of the page.

    Raises:
        RectGradError: Gradio is not installed.
        OSError: the port is in use.
    """
    with tempfile.TemporaryDirectory(prefix="rectgrad-app-") as folder:
        # Gradio reads these when it is imported.
        os.environ |= {
            "GRADIO_ANALYTICS_ENABLED": "False",
            "GRADIO_TEMP_DIR": folder,
            "GRADIO_SHARE": "False",
        }
        try:
            import gradio  # noqa: F401, PLC0415
        except ModuleNotFoundError as error:
            raise RectGradError(
                "the app needs Gradio; run pip install 'captum-rectgrad[app]', or pip install "
                "'.[app]' in a checkout"
            ) from error
        # These import Gradio.
        from captum_rectgrad.app.layout import build_page, launch  # noqa: PLC0415
        from captum_rectgrad.app.networks import Networks  # noqa: PLC0415

        page = build_page(Networks(models, any_name=is_loopback(host), own=own))
        ended = threading.Event()
        sweeper = threading.Thread(target=_sweep, args=(Path(folder), ended), daemon=True)
        sweeper.start()
        try:
            yield launch(page, host, port)
        finally:
            ended.set()
            page.close(verbose=False)
            sweeper.join()


def _sweep(folder: Path, ended: threading.Event) -> None:
    """Hold the folder to a total size; Gradio limits the size and the age of each file alone."""
    while not ended.wait(SWEEP_SECONDS):
        remove_oldest(folder, MAX_TOTAL_BYTES)


def is_loopback(host: str) -> bool:
    """Whether an address is reachable from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
