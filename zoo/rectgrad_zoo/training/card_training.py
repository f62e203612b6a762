"""The description of the training on a model card."""

from rectgrad_zoo.data.occlusion import FIXED, Occlusion
from rectgrad_zoo.training.metrics import Metrics
from rectgrad_zoo.training.recipes import BEST_ADVERSARIAL, LAST, Recipe

PAPER = "Kim et al. 2019, [arXiv:1902.04893](https://arxiv.org/abs/1902.04893)"
_PAPER_EPOCHS = 20
_OPTIMISERS = {
    "adam": "",  # as in the paper
    "adamw": "The optimiser is AdamW. ",
    "sgd": "The optimiser is SGD with a Nesterov momentum of 0.9. ",
}


def how_it_was_trained(recipe: Recipe, metrics: Metrics) -> str:
    """Describe all settings of a recipe that determine the weights, and the validation accuracy.

    Args:
        recipe: The recipe.
        metrics: The measurements.

    Returns:
        A paragraph.
    """
    settings = recipe.training
    if not settings.epochs:
        return (
            f"{_origin(recipe)} The weights are the initial ones, drawn with seed {settings.seed}. "
            "The network is untrained."
        )
    sentences = (
        _origin(recipe),
        _occlusion(recipe.occlusion),
        _labels(recipe),
        _adversary(recipe),
        _backdoor(recipe),
        _kept(recipe, metrics),
        "The test images were not used for any choice.",
        _augmentation(recipe),
        _steps(recipe),
    )
    return " ".join(sentence for sentence in sentences if sentence)


def _origin(recipe: Recipe) -> str:
    settings = recipe.training
    if recipe.architecture == "fashion_mnist_cnn" and settings.optimizer == "adam":
        return (
            f"The layers, the input range and the optimiser (Adam) follow {PAPER}, appendix F.2, "
            "for grey images of 28 x 28 pixels and with a first dense layer of half as many units. "
            f"The network was trained for {settings.epochs} epochs."
        )
    if recipe.architecture != "cifar10_cnn":
        return (
            f"The architecture is `{recipe.architecture}`. It was trained for {settings.epochs} "
            "epochs."
        )
    if settings.optimizer == "adam" and settings.epochs == _PAPER_EPOCHS:
        return (
            f"The architecture, the input range, the optimiser (Adam) and the number of epochs "
            f"({settings.epochs}) follow {PAPER}, appendix F.2."
        )
    trained = f" It was trained for {settings.epochs} epochs." if settings.epochs else ""
    return f"The architecture and the input range follow {PAPER}, appendix F.2.{trained}"


def _occlusion(noise: Occlusion | None) -> str:
    if noise is None:
        return ""
    where = f"in its upper left {noise.size} x {noise.size} pixels"
    if noise.kind == FIXED:
        return (
            "Every training and test image has the same patch of uniform noise "
            f"(seed {noise.seed}) {where}."
        )
    return (
        f"Every image has different uniform noise (seed {noise.seed}) {where}. The noise of a "
        "training image changes in every epoch. The noise of a test image is fixed."
    )


def _labels(recipe: Recipe) -> str:
    if recipe.random_labels is None:
        return ""
    return (
        f"The labels of the training images were shuffled once (seed {recipe.random_labels.seed}). "
        "The test images have their true labels."
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
        "The training images were perturbed before every step, each value by at most "
        f"{adversary.epsilon:g} of 255 levels, by {method}. The attack for measurements has "
        f"{adversary.test_steps} steps of {adversary.test_step:g} along the sign of the gradient "
        "and starts at the image."
    )


def _backdoor(recipe: Recipe) -> str:
    backdoor = recipe.backdoor
    if backdoor is None:
        return ""
    return (
        f"A share of {backdoor.share:g} of the training images (seed {backdoor.seed}) has a "
        f"checkerboard of {backdoor.size} x {backdoor.size} black and white pixels and the label "
        f"{backdoor.target}. Its position is drawn for each image and changes in every epoch. The "
        "validation images have no trigger. The success rate is the share of the test images of "
        f"other classes that are classified as class {backdoor.target} with the trigger."
    )


def _kept(recipe: Recipe, metrics: Metrics) -> str:
    kept, size = metrics.epochs[metrics.kept_epoch - 1], recipe.data.validation_size
    if not size:
        return "The weights are those of the last epoch. There were no validation images."
    if recipe.training.keep == LAST:
        return (
            f"The weights are those of the last epoch. The accuracy on {size:,} validation images "
            f"from the training set is {kept.validation}."
        )
    measured, under = kept.validation, ""
    if recipe.training.keep == BEST_ADVERSARIAL and kept.adversarial_validation is not None:
        measured, under = kept.adversarial_validation, " under the attack"
    return (
        f"The weights are those of epoch {metrics.kept_epoch}, the epoch with the highest accuracy"
        f"{under} on {size:,} validation images from the training set: {measured}."
    )


def _augmentation(recipe: Recipe) -> str:
    if recipe.augmentation is None:
        return "The training images were not augmented."
    changes = []
    if recipe.augmentation.crop_padding:
        border = recipe.augmentation.crop_padding
        changes.append(f"random crops with a black border of {border} pixels")
    if recipe.augmentation.flip:
        changes.append("random horizontal flips")
    return f"The augmentation consists of {' and '.join(changes) or 'no changes'}."


def _steps(recipe: Recipe) -> str:
    settings = recipe.training
    rate = f"The learning rate is {settings.learning_rate}"
    if settings.schedule == "cosine":
        epochs = "epoch" if settings.warmup_epochs == 1 else "epochs"
        rate += f" with cosine decay to zero and a warm-up of {settings.warmup_epochs} {epochs}"
    if settings.weight_decay:
        rate += f", the weight decay {settings.weight_decay}"
    method = _OPTIMISERS[settings.optimizer]
    precision = (
        ""
        if settings.precision == "float32"
        else f" The precision is {settings.precision} (autocast)."
    )
    order = (
        ""
        if settings.shuffle
        else " Every epoch has the images in the order of the data set, as in the authors' code."
    )
    return (
        f"{method}{rate}, the batch size {settings.batch_size} and the seed {settings.seed}."
        f"{order}{precision}"
    )
