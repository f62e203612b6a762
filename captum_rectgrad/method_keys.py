"""Keys of the methods on the command line, apart from the methods: those import PyTorch."""

# Of `captum_rectgrad.methods.methods()`, in its order.
COMPARED = (
    "saliency",
    "gradient-input",
    "guided-bp",
    "smoothgrad",
    "integrated",
    "deeplift",
    "rectgrad",
    "rectgrad-prr",
    "random",
)
# What `rectgrad check` knows beside them.
CHECKED_TOO = ("deconvnet", "nobias-rectgrad")


def complete(prefix: str, **_: object) -> list[str]:
    """A list of keys with commas between, of which the last is begun; for shell completion.

    Args:
        prefix: what is typed.

    Returns:
        What it may become.
    """
    before, comma, last = prefix.rpartition(",")
    return [f"{before}{comma}{key}" for key in COMPARED if key.startswith(last)]
