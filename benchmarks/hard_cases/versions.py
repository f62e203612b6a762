"""Two versions of zennit: that of the page, and the last one for older Pythons."""

from importlib.metadata import version

from benchmarks.hard_cases.methods import METHODS

PACKAGE = "zennit"
OF_THE_PAGE, OLDER = "1.0.0", "0.5.1"

# Its cells that are others with the older version, by case.
CELLS_OF_THE_OLDER = {
    "`h = relu(h)`, then `h += shortcut`": (
        "refused: ... modified by an inplace operation: [torch.DoubleTensor ..."
    ),
    "`nn.ReLU` called as `relu(input=x)`": "error: IndexError tuple index out of range",
}
COLUMN = 1 + [method.package for method in METHODS].index(PACKAGE)


def is_older() -> bool:
    """Whether the older version is installed, with which the page is compared, not made."""
    return version(PACKAGE) == OLDER


def section() -> str:
    """What the page says about the older version.

    Returns:
        Markdown.
    """
    rows = [f"| {case} | {cell} |" for case, cell in CELLS_OF_THE_OLDER.items()]
    return f"""\
## zennit {OLDER}

zennit {OF_THE_PAGE} asks for Python 3.11.11 or newer. Below that the extra `peers` installs
{OLDER}. Its column differs in these cells; `--check` expects them where it is installed. The tables
above were made on an older Python 3.11, after
`pip install --ignore-requires-python zennit=={OF_THE_PAGE}`.

| case | zennit {OLDER} GuidedBackprop |
| --- | --- |
""" + "\n".join(rows)


def as_with_the_older(page: str) -> str:
    """The page as it would be with the older version.

    Args:
        page: as it is.

    Returns:
        The same with other cells, and the other version where the page says what was measured.
    """
    text = page.replace(f"{PACKAGE} {OF_THE_PAGE}", f"{PACKAGE} {OLDER}", 1)
    return "\n".join(map(_row, text.split("\n")))


def _row(line: str) -> str:
    cells = line.removeprefix("| ").removesuffix(" |").split(" | ")
    if len(cells) != 1 + len(METHODS) or cells[0] not in CELLS_OF_THE_OLDER:
        return line
    cells[COLUMN] = CELLS_OF_THE_OLDER[cells[0]]
    return f"| {' | '.join(cells)} |"
