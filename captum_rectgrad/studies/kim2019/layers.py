"""Figures 6 and 14: saliency and RectGrad layer by layer, as they are propagated to the input."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad import LayerRectGrad
from captum_rectgrad.evaluation.intervals import difference, mean
from captum_rectgrad.evaluation.map_metrics import share_inside
from captum_rectgrad.plotting.curves import draw_curve
from captum_rectgrad.plotting.maps import plot_map
from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.data.material import MaskedImages
from captum_rectgrad.studies.figures import legends
from captum_rectgrad.studies.figures.figure_layout import sheet, show_image
from captum_rectgrad.studies.framework.lab import Lab
from captum_rectgrad.studies.framework.result import Claim, Result, Row, judged, judged_above
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.kim2019.convolutions import convolution_activations, outputs
from captum_rectgrad.studies.kim2019.masks import at_size, correct, one_of_each
from rectgrad_zoo.data.images import to_model_range

# From a model, modules of it in the order of their calls, inputs `(N, C, H, W)` and targets `(N,)`
# to the attributions of the modules' outputs, all of one backward pass.
LayerMethod = Callable[[nn.Module, Sequence[nn.Module], Tensor, Tensor], list[Tensor]]
Array = NDArray[np.float64]
Values = Mapping[str, Array]  # by layer, `(N,)`

INPUT = "input"
COLOURS = {"Saliency": "#2a6a9e", "RectGrad": "#c43c00"}
# Of a share that is 1 for a map without preference: the rise that still is no accumulation.
NO_RISE = 0.05
_DRAWN = 3  # images


@dataclass(frozen=True)
class LayersConfig:
    """How much is measured.

    Attributes:
        per_class: number of correctly classified images of each class; None: all.
    """

    per_class: int | None = None


def layer_saliency(
    model: nn.Module, modules: Sequence[nn.Module], inputs: Tensor, targets: Tensor
) -> list[Tensor]:
    """The gradient of a logit with respect to what modules return, in one backward pass.

    Args:
        model: in eval mode.
        modules: of it, in the order of their calls.
        inputs: `(N, C, H, W)`.
        targets: `(N,)`, the classes.

    Returns:
        For each module a tensor of the shape of its output.
    """
    with outputs(modules) as found, torch.enable_grad():
        logits = model(inputs.detach().requires_grad_())
        chosen = logits.gather(1, targets[:, None]).sum()
        return list(torch.autograd.grad(chosen, found))


def layer_rectgrad(
    model: nn.Module, modules: Sequence[nn.Module], inputs: Tensor, targets: Tensor
) -> list[Tensor]:
    """RectGrad of what modules return, in one backward pass; as `layer_saliency`."""
    found: list[Tensor] = LayerRectGrad(model, modules).attribute(inputs, target=targets)
    return [attribution.detach() for attribution in found]


METHODS: dict[str, LayerMethod] = {"Saliency": layer_saliency, "RectGrad": layer_rectgrad}


def layers(config: LayersConfig, lab: Lab) -> Result:
    """Follow both from the last convolution to the input, on images with masks.

    Args:
        config: see there.
        lab: material and machine; its methods are not used.

    Returns:
        For both and each layer the share of the absolute attribution outside the object, and that
        share over the background's share of the area: 1 for a map without preference.
    """
    network = lab.network("plain")
    data = correct(lab, network, lab.masked(), config.per_class)
    example = to_model_range(data.images[:1]).to(lab.device)
    # With this in front, the input is what a module returns, as that of any layer.
    front = nn.Identity()
    model = nn.Sequential(front, network.model).eval()
    modules: dict[str, nn.Module] = {INPUT: front}
    areas = {INPUT: background_area(data.masks, (data.masks.shape[1], data.masks.shape[2]))}
    for layer in convolution_activations(network.model, example):
        modules[layer.name] = layer.handed_on
        areas[layer.name] = background_area(data.masks, layer.handed_on_size)
    shares = {
        name: measure(lab, model, modules, data, name, method) for name, method in METHODS.items()
    }
    excess = {
        name: {layer: share / areas[layer] for layer, share in found.items()}
        for name, found in shares.items()
    }
    return Result(
        rows=_rows(shares, excess, lab.seed),
        claims=verdicts(excess, lab.seed),
        figure=_figure(lab, model, modules, data, excess),
        notes=(
            (
                f"{len(data)} correctly classified images. Attributions are of what a convolution "
                "hands on to the next layer, after activation and pooling, averaged over channels; "
                "at the input they are the attribution map itself. The saliency of a layer is the "
                "plain gradient, of inactive units too; RectGrad has been rectified by all "
                "activations after a layer, not by the layer's own."
            ),
            (
                "A position of a layer is the object's where the mask covers at least half of the "
                "pixels under it. A map that is zero everywhere has no share there, nor has one "
                "of an image that is all object or all background at that layer."
            ),
        ),
    )


def background_area(masks: Tensor, size: tuple[int, int]) -> Array:
    """The background's share of the positions of a layer.

    Args:
        masks: `(N, H, W)`, bool.
        size: height and width of the layer's feature maps.

    Returns:
        `(N,)`, in (0, 1); NaN where all or nothing is background.
    """
    area: Array = (~at_size(masks, size)).double().mean(dim=(1, 2)).numpy()
    return np.where((area > 0) & (area < 1), area, np.nan)


def measure(
    lab: Lab,
    model: nn.Module,
    modules: Mapping[str, nn.Module],
    data: MaskedImages,
    label: str,
    method: LayerMethod,
) -> dict[str, Array]:
    """The share of absolute attribution outside the object, at each layer.

    Args:
        lab: the machine.
        model: what is explained.
        modules: of it, by the name of the layer, in the order of their calls.
        data: images with masks; their labels are explained.
        label: of the progress bar.
        method: what is measured.

    Returns:
        By layer `(N,)`; NaN for a map that is zero everywhere, and where all or nothing is
        background.
    """
    parts: dict[str, list[Tensor]] = {layer: [] for layer in modules}

    def compute(batch: slice) -> list[Tensor]:
        inputs = to_model_range(data.images[batch].to(lab.device))
        found = method(model, list(modules.values()), inputs, data.labels[batch].to(lab.device))
        return [maps.cpu() for maps in found]

    with Progress(len(data), "image", label) as progress:
        for batch, found in in_batches(len(data), lab.batch_size, compute):
            for layer, maps in zip(modules, found, strict=True):
                height, width = maps.shape[2:]
                outside = ~at_size(data.masks[batch], (height, width))
                both = outside.any(dim=(1, 2)) & (~outside).any(dim=(1, 2))
                parts[layer].append(torch.where(both, share_inside(maps, outside), torch.nan))
            progress.update(batch.stop - batch.start)
    return {layer: torch.cat(values).numpy() for layer, values in parts.items()}


def _rows(shares: Mapping[str, Values], excess: Mapping[str, Values], seed: int) -> list[Row]:
    return [
        {
            "method": method,
            "layer": layer,
            "share outside the object": mean(share, seed),
            "share over the background's area": mean(excess[method][layer], seed),
            "maps with a share": int(np.isfinite(share).sum()),
        }
        for method, found in shares.items()
        for layer, share in found.items()
    ]


def verdicts(excess: Mapping[str, Values], seed: int) -> list[Claim]:
    """Judge whether noise accumulates towards the input.

    Args:
        excess: by method and layer, shares outside the object over the background's area; the
            first layer is the input, the last the one nearest to the output.
        seed: of the bootstrap.

    Returns:
        The claims on how much higher the share is at the input than at the last layer: image by
        image, for saliency, for RectGrad, and for one more than for the other.
    """
    last = list(excess["Saliency"])[-1]
    rises = {name: found[INPUT] - found[last] for name, found in excess.items()}
    saliency, rectgrad = (mean(rises[name], seed) for name in ("Saliency", "RectGrad"))
    falls = mean(-rises["RectGrad"], seed)
    more = difference(rises["Saliency"], rises["RectGrad"], seed)
    what = f"share over the background's area at the input less that at {last}"
    source = "section 5.2, figures 6 and 14"
    return [
        Claim(
            "Noise in saliency maps accumulates towards the input",
            source,
            judged(saliency),
            f"{what}: {saliency}",
        ),
        Claim(
            "RectGrad does not suffer from noise accumulation",
            source,
            judged_above(falls, -NO_RISE),
            f"{what}: {rectgrad}; held against a rise of {NO_RISE:g}",
        ),
        Claim(
            "Noise accumulates in saliency maps more than in RectGrad",
            source,
            judged(more),
            f"{what}, Saliency's less RectGrad's: {more}",
        ),
    ]


def _figure(
    lab: Lab,
    model: nn.Module,
    modules: Mapping[str, nn.Module],
    data: MaskedImages,
    excess: Mapping[str, Values],
) -> Figure:
    """For each image a line of saliency and one of RectGrad, to the right nearer to the output."""
    drawn = one_of_each(data.labels, _DRAWN)
    inputs = to_model_range(data.images[drawn].to(lab.device))
    targets = data.labels[drawn].to(lab.device)
    made = sheet(len(METHODS) * len(drawn), 1 + len(modules))
    for axes, title in zip(made.pictures[0], ("image", *modules), strict=True):
        axes.set_title(title, fontsize=9)
    for number, (name, method) in enumerate(METHODS.items()):
        maps = method(model, list(modules.values()), inputs, targets)
        for i, index in enumerate(drawn):
            line = made.pictures[len(METHODS) * i + number]
            if number == 0:
                show_image(line[0], data.images[index], data.masks[index])
            else:
                line[0].set_axis_off()
            line[1].set_ylabel(name, fontsize=8)
            for axes, found in zip(line[1:], maps, strict=True):
                plot_map(found[i], axes)
    _draw_shares(made.plots[0], excess, lab.seed)
    legends.explain(made.figure, f"maps: {legends.MAPS}; {legends.OUTLINE}")
    return made.figure


def _draw_shares(axes: Axes, excess: Mapping[str, Values], seed: int) -> None:
    for name, found in excess.items():
        points = [mean(values, seed) for values in found.values()]
        draw_curve(axes, range(len(points)), points, colour=COLOURS[name], label=name)
        axes.set_xticks(range(len(points)), list(found))
    axes.axhline(1, color="0.5", linestyle=":", linewidth=1)
    axes.set_ylabel("share outside the object\nover the background's area", fontsize=8)
    lines, _ = axes.get_legend_handles_labels()
    dotted = legends.dotted("no preference for object or background")
    axes.legend(handles=[*lines, legends.band(), dotted], fontsize=8, frameon=False)


STUDY = Study(
    name="layers",
    shows="figures 6 and 14",
    asks="whether noise accumulates on the way to the input",
    needs="images with masks; the plain network",
    run=layers,
    presets={
        "smoke": LayersConfig(per_class=5),
        "quick": LayersConfig(),
        "full": LayersConfig(),
    },
    minutes={"smoke": 0.0, "quick": None, "full": 0.1},
)
