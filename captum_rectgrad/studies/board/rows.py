"""The table of rows: attribution methods, each through the library that is known for it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from captum_rectgrad import NoBiasRectGrad
from captum_rectgrad.evaluation.methods import (
    Method,
    integrated_gradients,
    methods,
    of_captum,
    smooth_grad,
)
from captum_rectgrad.studies.board import activation_maps, perturbations, references
from captum_rectgrad.studies.board.networks import BoardNetwork
from captum_rectgrad.studies.board.own_methods import own_methods
from captum_rectgrad.studies.board.sizes import PRESET_SIZES, BoardSizes

LOW_PERCENTILE = 90.0


def rows(baselines: Tensor, sizes: BoardSizes) -> tuple[Method, ...]:
    """The methods of the board, in order.

    Args:
        baselines: of expected gradients, `(M, C, H, W)`.
        sizes: budgets of the methods.

    Returns:
        The methods.
    """
    known = {method.key: method for method in methods()}
    (lower,) = (m for m in methods(LOW_PERCENTILE) if m.key == "rectgrad")
    return (
        known["random"],
        Method("sobel", "Sobel edges", references.sobel, control=True),
        known["saliency"],
        _absolute(known["saliency"]),
        known["gradient-input"],
        known["guided-bp"],
        _absolute(known["guided-bp"]),
        Method("deconvnet", "DeconvNet", references.deconvnet),
        Method("smoothgrad", "SmoothGrad", partial(smooth_grad, samples=sizes.samples)),
        Method("vargrad", "VarGrad", partial(smooth_grad, kind="vargrad", samples=sizes.samples)),
        Method(
            "integrated", "Integrated Grad.", partial(integrated_gradients, steps=sizes.samples)
        ),
        Method(
            "expected-gradients",
            "Expected Grad.",
            partial(references.expected_gradients, baselines, sizes.samples),
        ),
        known["deeplift"],
        Method("lrp", "LRP", references.relevance),
        Method("occlusion", "Occlusion", partial(perturbations.occlusion, sizes.windows)),
        Method("lime", "LIME", partial(perturbations.lime, sizes.masked_copies)),
        Method("kernelshap", "KernelSHAP", partial(perturbations.kernel_shap, sizes.masked_copies)),
        Method("gradcam", "Grad-CAM", activation_maps.grad_cam),
        Method("layercam", "LayerCAM", activation_maps.layer_cam),
        Method("guided-gradcam", "Guided Grad-CAM", activation_maps.guided_grad_cam),
        Method("rectgrad-90", "RectGrad 90", lower.attribute),
        known["rectgrad"],
        known["rectgrad-prr"],
        of_captum("nobias-rectgrad", "NoBias RectGrad", NoBiasRectGrad),
    )


def _absolute(method: Method) -> Method:
    """A method with the absolute values of its attributions, which rank pixels by their size.

    The size of a gradient is often drawn as a map, and its sign says nothing on the importance of a
    pixel. Gradient * Input and what is built on it have a sign that does.
    """

    def attribute(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
        return method.attribute(model, x, target).abs()

    return replace(
        method, key=f"{method.key}-abs", title=f"{method.title}, abs.", attribute=attribute
    )


# Libraries and settings of the rows, for the report.
ORIGINS: Mapping[str, str] = {
    "random": "uniform random numbers, the same for every network; a control",
    "sobel": "scikit-image, of the image alone; a control",
    "saliency": "Captum, signed",
    "saliency-abs": "the same, absolute values before the sum over channels",
    "gradient-input": "Captum",
    "guided-bp": "Captum, signed, compared with this package's",
    "guided-bp-abs": "the same, absolute values before the sum over channels",
    "deconvnet": "Captum, compared with this package's",
    "smoothgrad": "Captum's NoiseTunnel",
    "vargrad": "Captum's NoiseTunnel",
    "integrated": "Captum, from the zero image",
    "expected-gradients": "Captum's GradientShap, from other images",
    "deeplift": "Captum, from the zero image, with a check of completeness",
    "lrp": "zennit, EpsilonPlusFlat",
    "occlusion": "Captum, one window for each position of a grid, filled with zeros",
    "lime": "Captum, squares of a grid as features",
    "kernelshap": "Captum, squares of a grid as features",
    "gradcam": "Captum's LayerGradCam, last convolution",
    "layercam": "pytorch-grad-cam, last convolution",
    "guided-gradcam": "Captum, last convolution",
    "rectgrad-90": "this package, q = 90",
    "rectgrad": "this package, q = 98",
    "rectgrad-prr": "this package, q = 98 with PRR",
    "nobias-rectgrad": "this package, q = 98, not multiplied by the input",
}
KEYS = tuple(ORIGINS)


def titles() -> dict[str, str]:
    """The names of the board's methods in reports, by key."""
    made = rows(torch.empty(1, 1, 1, 1), PRESET_SIZES["smoke"])
    return {method.key: method.title for method in made}


def choose_rows(
    keys: Sequence[str] | None, own: Sequence[str], network: BoardNetwork, sizes: BoardSizes
) -> tuple[Method, ...]:
    """Rows by key, and the user's own methods.

    Args:
        keys: keys of the board's rows; None: all.
        own: `MODULE:NAME`, as for `choose_methods`; their keys are the names.
        network: the explained network.
        sizes: budgets of the methods.

    Returns:
        The board's rows in the order of the table, then the user's.

    Raises:
        ValueError: a key is unknown, or two methods have the same key.
    """
    wanted = KEYS if keys is None else tuple(keys)
    for key in wanted:
        if key not in KEYS:
            raise ValueError(f"{key!r} is not a row; choose from {', '.join(KEYS)}")
    chosen = [method for method in rows(network.references, sizes) if method.key in wanted]
    for method in own_methods(own):
        if method.key in {row.key for row in chosen} | set(KEYS):
            raise ValueError(
                f"the board has a row {method.key!r} already; give the method another key"
            )
        # Titles are the first column of tables.
        is_known = any(method.title == row.title for row in chosen)
        chosen.append(replace(method, title=method.key) if is_known else method)
    return tuple(chosen)
