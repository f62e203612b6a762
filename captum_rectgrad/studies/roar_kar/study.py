"""Table 1 and figure 18, with possible leakage through the masks."""

import copy
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.compute.masking import mean_colour
from captum_rectgrad.studies.compute.precision import precision_of
from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.data.study_data import Network
from captum_rectgrad.studies.framework.context import IMAGES, StudyContext
from captum_rectgrad.studies.framework.result import Result
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.report.run_folder import claim_folder
from captum_rectgrad.studies.roar_kar.caveats import notes
from captum_rectgrad.studies.roar_kar.cell_inputs import CellInputs
from captum_rectgrad.studies.roar_kar.cell_pack import pack_cells, unpack_cells
from captum_rectgrad.studies.roar_kar.cells import Cell, devices_of
from captum_rectgrad.studies.roar_kar.config import RoarKarConfig, forms_of
from captum_rectgrad.studies.roar_kar.curves import Curves, Ranking, table_cells
from captum_rectgrad.studies.roar_kar.engines import default_stack, engine_of
from captum_rectgrad.studies.roar_kar.figure import draw
from captum_rectgrad.studies.roar_kar.finished import HOW, finished
from captum_rectgrad.studies.roar_kar.ranks import RankFiles, rank_all
from captum_rectgrad.studies.roar_kar.run_cells import run_cells
from captum_rectgrad.studies.roar_kar.table import PAPER, claims, rows
from captum_rectgrad.studies.roar_kar.training import Answers, training_of
from rectgrad_zoo.data.cifar10 import Split
from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.training.recipes import LAST, Recipe
from rectgrad_zoo.training.train import split_training

_LOG = logging.getLogger(__name__)


def roar_kar(config: RoarKarConfig, context: StudyContext) -> Result:
    """Rank pixels, train networks without them, and compare the methods.

    Args:
        config: size of the study.
        context: methods, data and device. Its folder keeps ranks and cells, from which an
            interrupted run is resumed; its `pack` and `unpack` name files of cells. With
            `only_finished`, nothing is computed but the table.

    Returns:
        ROAR, KAR, ROAD and the accuracy of masks alone, for each method and form of its maps.

    Raises:
        RectGradError: the folder has cells of other images, another network or another number of
            threads, the engine is not installed, the preset has none of the methods, or with
            `only_finished` no network is finished for all cells.
    """
    engine = engine_of(context)  # first, so that a missing engine is reported at once
    network = context.network("held_out" if config.held_out else "plain")
    train = network.with_occlusion(_training_images(config, context, network))
    test = network.with_occlusion(context.images("test", config.test_images))
    rankings = _rankings(config, context)
    cells = context.folder / "cells"
    precision = context.precision or precision_of(context.worker_device)
    identity = {**_identity(config, context, network, train, test), "precision": precision}
    if context.unpack is not None:
        free = HOW if context.only_finished else ()
        unpack_cells(context.unpack, cells, identity, free)
    work = CellInputs(
        train=train,
        test=test,
        colour=mean_colour(train.images),
        model=copy.deepcopy(network.model).cpu(),
        training=training_of(
            _recipe(network), len(context.study_data.classes), config.epochs, precision
        ),
        device=context.worker_device,
        seed=context.seed,
        batch_size=context.batch_size,
    )
    if context.only_finished:
        done = finished(config, rankings, cells, identity, len(test))
        training = replace(work.training, precision=done.how.get("precision", precision))
        work = replace(work, training=training)
        result = _result(done.config, context, network, rankings, done.answers, work)
        if done.config.networks == config.networks:
            return result
        size, *others = result.notes
        count = f"{done.config.networks} of {config.networks} networks per cell are finished."
        return replace(result, notes=(size, f"{count} The others are left out.", *others))
    claim_folder(cells, identity)
    try:
        ranks = _ranks(context, network, rankings, {"train": train, "test": test})
        answers = run_cells(table_cells(config, rankings), work, ranks, cells, engine)
    finally:
        if context.pack is not None:
            pack_cells(cells, context.pack)
    return _result(config, context, network, rankings, answers, work)


def _result(
    config: RoarKarConfig,
    context: StudyContext,
    network: Network,
    rankings: Sequence[Ranking],
    answers: Mapping[Cell, Answers],
    work: CellInputs,
) -> Result:
    predicted = context.predictions(network, work.test.images)
    curves = Curves(
        config=config,
        rankings=rankings,
        answers=answers,
        explained=(predicted == work.test.labels).numpy(),
        chance=chance(work.train.labels, work.test.labels),
        seed=context.seed,
    )
    devices = devices_of(context.folder / "cells", answers)
    return Result(rows(curves), claims(curves), draw(curves), notes(curves, work, devices))


def _training_images(
    config: RoarKarConfig, context: StudyContext, network: Network
) -> LabelledImages:
    recipe = _recipe(network)
    if not config.held_out:
        return context.images("train", config.train_images)
    _, held_out = split_training(context.images("train"), recipe)
    if not len(held_out) or recipe.training.keep != LAST:
        raise RectGradError(
            f"{network.name} was trained on all images, or its epoch was chosen by the others, "
            "expected a network without influence of some images, such as cifar10_cnn_held_out; "
            "give --checkpoint held_out=NAME"
        )
    return LabelledImages(
        held_out.images[: config.train_images], held_out.labels[: config.train_images]
    )


def _recipe(network: Network) -> Recipe:
    if network.recipe is None:
        raise RectGradError(f"{network.name} has no recipe, expected a network trained with one")
    return network.recipe


def _identity(
    config: RoarKarConfig,
    context: StudyContext,
    network: Network,
    train: LabelledImages,
    test: LabelledImages,
) -> dict[str, object]:
    """What cells depend on besides the configuration; it must be equal for all in a folder."""
    return {
        **context.used,
        "seed": context.seed,
        "epochs": config.epochs,
        "batch size of maps": context.batch_size,
        "final percentile": context.final_percentile,
        "number of training images": len(train),
        "number of test images": len(test),
        "order of images": "shuffled" if _recipe(network).training.shuffle else "of the data set",
        # These change the order of sums and thus the last digits of weights.
        **(
            {"networks trained at once": context.stack or default_stack(context.worker_device)}
            if context.worker_device.type == "cuda"
            else {"threads of a training": context.worker_threads}
        ),
    }


def chance(train: Tensor, test: Tensor) -> float:
    """The accuracy of the most frequent class of the training labels.

    Args:
        train: training labels.
        test: test labels.

    Returns:
        The share of the most frequent class of `train` in `test`.
    """
    return (test == train.bincount().argmax()).double().mean().item()


def _rankings(config: RoarKarConfig, context: StudyContext) -> list[Ranking]:
    found = [
        Ranking(method, form)
        for method in context.methods
        if config.of_methods is None or method.key in config.of_methods
        for form in forms_of(method, config.forms, context.final_percentile)
    ]
    left_out = [m.key for m in context.methods if m.key not in {r.method.key for r in found}]
    if left_out:
        _LOG.info("this preset leaves out: %s", ", ".join(left_out))
    if not found:
        raise RectGradError(
            f"this preset compares {', '.join(config.of_methods or ())}: --methods has none of them"
        )
    return found


def _ranks(
    context: StudyContext,
    network: Network,
    rankings: Sequence[Ranking],
    data: Mapping[Split, LabelledImages],
) -> RankFiles:
    def explained(images: LabelledImages) -> tuple[Tensor, Tensor]:
        return images.images, context.predictions(network, images.images)

    by_method = {
        ranking.method: [other.form for other in rankings if other.method == ranking.method]
        for ranking in rankings
    }
    total = len(by_method) * sum(len(images) for images in data.values())
    with Progress(total, "map", network.name) as progress:
        splits = {split: explained(images) for split, images in data.items()}
        return rank_all(context, network, by_method, splits, progress.update)


STUDY = Study(
    name="roar-kar",
    shows="table 1 and figure 18",
    asks="how much a network learns without the pixels that a method ranks highest, or lowest",
    images=tuple(IMAGES.values()),
    run=roar_kar,
    presets={
        "smoke": RoarKarConfig(
            train_images=64,
            test_images=50,
            fractions=(0.3, 0.7),
            networks=1,
            epochs=1,
            forms=("signed", "absolute"),
            of_methods=("saliency", "rectgrad", "random"),
        ),
        "quick": RoarKarConfig(
            train_images=4000,
            test_images=2000,
            fractions=(0.1, 0.5, 0.9),
            epochs=4,
            of_methods=(
                "saliency",
                "gradient-input",
                "guided-bp",
                "rectgrad",
                "rectgrad-prr",
                "random",
            ),
        ),
        "full": RoarKarConfig(),
        "paper": RoarKarConfig(
            mask_networks=0, road=False, forms=("signed",), of_methods=tuple(PAPER)
        ),
    },
    minutes={"smoke": 0.3, "quick": 62.5, "full": None, "paper": None},
    compares=True,
    one_network=True,
)
