"""The start of Gradio's server, with nothing that reaches other machines."""

import gradio as gr

from captum_rectgrad.app.layout import CSS
from captum_rectgrad.app.uploads import MAX_BYTES

SYSTEM = ("system-ui", "sans-serif")


def launch(page: gr.Blocks, host: str, port: int) -> str:
    """Start the server in threads of its own.

    Args:
        page: from `build_page`.
        host: address to listen on.
        port: port to listen on; 0 for any free port.

    Returns:
        The address of the page.

    Raises:
        OSError: the port is in use.
    """
    # Gradio counts up from its default port if it is given none.
    _, address, _ = page.launch(
        server_name=host,
        server_port=port or None,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        show_error=True,
        max_file_size=MAX_BYTES,
        footer_links=[],
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        theme=gr.themes.Default(font=SYSTEM, font_mono=("ui-monospace", "monospace")),
        css_paths=CSS,
    )
    return str(address)
