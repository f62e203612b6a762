"""Parts of a page in Markdown."""

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: int = 0) -> str:
    """A table.

    Args:
        header: titles of the columns.
        rows: cells.
        right: number of the last columns that are aligned to the right.

    Returns:
        Markdown; empty without rows.
    """
    if not rows:
        return ""
    left = len(header) - right
    alignments = f"|{'---|' * left}{'---:|' * right}"
    lines = [f"| {' | '.join(cells)} |" for cells in (header, *rows)]
    return "\n".join([lines[0], alignments, *lines[1:]])


def stacked(value: str, below: str) -> str:
    """A cell of a table with a small second line; without one if it is empty."""
    return f"{value}<br><small>{below}</small>" if below else value


def folded(title: str, text: str) -> str:
    """A block that a reader can open.

    Args:
        title: its title.
        text: Markdown.

    Returns:
        HTML with Markdown inside.
    """
    return f'<details markdown="1">\n<summary>{title}</summary>\n\n{text}\n\n</details>'


def capital(text: str) -> str:
    """A text with a capital as its first letter."""
    return text[:1].upper() + text[1:]
