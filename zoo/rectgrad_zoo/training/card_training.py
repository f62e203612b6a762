"""How a checkpoint was trained, in the sentences of its card."""

from rectgrad_zoo.data.occlusion import FIXED, Occlusion
from rectgrad_zoo.training.metrics import Metrics
from rectgrad_zoo.training.recipes import BEST_ADVERSARIAL, LAST, Recipe

PAPER = "Kim et al. 2019, [arXiv:1902.04893](https://arxiv.org/abs/1902.04893)"
_PAPER_EPOCHS = 20


def how_it_was_trained(recipe: Recipe, metrics: Metrics) -> str:
    """Everything in the recipe that decided what the weights are, and what came of it.

    Args:
        recipe: The recipe.
        metrics: What was measured.

    Returns:
        A paragraph.
    """
    settings = recipe.training
    if not settings.epochs:
        return (
            f"{_origin(recipe)} The weights are the initial ones, drawn with seed {settings.seed}: "
            "nothing was trained."
        )
    sentences = (
        _origin(recipe),
        _occlusion(recipe.occlusion),
        _labels(recipe),
        _adversary(recipe),
        _kept(recipe, metrics),
        "The test images had no part in any choice.",
        _augmentation(recipe),
        _steps(recipe),
    )
    return " ".join(sentence for sentence in sentences if sentence)


def _origin(recipe: Recipe) -> str:
    settings = recipe.training
    if recipe.architecture != "cifar10_cnn":
        return f"The architecture is `{recipe.architecture}`, trained for {settings.epochs} epochs."
    if settings.optimizer == "adam" and settings.epochs == _PAPER_EPOCHS:
        return (
            f"The architecture, the input range, Adam and its {settings.epochs} epochs follow "
            f"{PAPER}, appendix F.2."
        )
    trained = f", trained for {settings.epochs} epochs" if settings.epochs else ""
    return f"The architecture and the input range follow {PAPER}, appendix F.2{trained}."


def _occlusion(noise: Occlusion | None) -> str:
    if noise is None:
        return ""
    where = f"in its upper left {noise.size} x {noise.size} pixels"
    if noise.kind == FIXED:
        return (
            "Every image, in training and in testing, carries the same patch of uniform noise "
            f"(seed {noise.seed}) {where}."
        )
    return (
        f"Every image carries uniform noise of its own (seed {noise.seed}) {where}, in training "
        "another in every epoch, in testing always the same."
    )


def _labels(recipe: Recipe) -> str:
    if recipe.random_labels is None:
        return ""
    return (
        f"The labels of the training images were shuffled once (seed {recipe.random_labels.seed}), "
        "those of the test images are the true ones."
    )


def _adversary(recipe: Recipe) -> str:
    adversary = recipe.adversary
    if adversary is None:
        return ""
    method = (
        f"the fast gradient sign method from a random start (step {adversary.step:g})"
        if adversary.steps == 1
        else f"{adversary.steps} steps of {adversary.step:g} from a random start"
    )
    return (
        "The training images were changed against the network before every step, each value by at "
        f"most {adversary.epsilon:g} of 255 levels, by {method}. The attack to measure with takes "
        f"{adversary.test_steps} steps of {adversary.test_step:g} along the sign of the gradient, "
        "from the image itself."
    )


def _kept(recipe: Recipe, metrics: Metrics) -> str:
    kept, size = metrics.epochs[metrics.kept_epoch - 1], recipe.data.validation_size
    if recipe.training.keep == LAST:
        return (
            f"The weights are those of the last epoch. {size:,} of the training images were set "
            f"aside; accuracy on them: {kept.validation}."
        )
    measured, under = kept.validation, ""
    if recipe.training.keep == BEST_ADVERSARIAL and kept.adversarial_validation is not None:
        measured, under = kept.adversarial_validation, " under the attack"
    return (
        f"Of the training images {size:,} were set aside, and the weights are those of epoch "
        f"{metrics.kept_epoch}, the best on them{under}: {measured}."
    )


def _augmentation(recipe: Recipe) -> str:
    if recipe.augmentation is None:
        return "No augmentation."
    changes = []
    if recipe.augmentation.crop_padding:
        border = recipe.augmentation.crop_padding
        changes.append(f"cropped out of a black border of {border} pixels")
    if recipe.augmentation.flip:
        changes.append("mirrored left to right")
    return f"The training images were {' and '.join(changes) or 'left as they are'}, at random."


def _steps(recipe: Recipe) -> str:
    settings = recipe.training
    rate = f"Learning rate {settings.learning_rate}"
    if settings.schedule == "cosine":
        rate += f" on a cosine down to zero, with {settings.warmup_epochs} epochs to warm up"
    if settings.weight_decay:
        rate += f", weight decay {settings.weight_decay}"
    method = "" if settings.optimizer == "adam" else "SGD with a Nesterov momentum of 0.9. "
    precision = "" if settings.precision == "float32" else f", in {settings.precision} (autocast)"
    return f"{method}{rate}, batch size {settings.batch_size}, seed {settings.seed}{precision}."
