"""Pretrained checkpoints for attribution methods, with checked weights.

```python
import rectgrad_zoo

rectgrad_zoo.list()                             # names that can be loaded here
rectgrad_zoo.checkpoints()                      # all checkpoints, with their sources
model = rectgrad_zoo.load("cifar10_cnn")        # nn.Module in eval mode
inputs = rectgrad_zoo.transform(model)(image)   # PIL image to (C, H, W)
rectgrad_zoo.labels(model)                      # names of the classes
rectgrad_zoo.provenance(model)                  # source, commit, SHA-256
```

Importing this package registers the architectures `cifar10_cnn`, `cifar10_resnet`, `cifar10_vit`
and `fashion_mnist_cnn` with timm.
"""

# These imports register the architectures with timm.
from rectgrad_zoo.architectures import cifar10_cnn as _cifar10_cnn  # noqa: F401
from rectgrad_zoo.architectures import cifar10_resnet as _cifar10_resnet  # noqa: F401
from rectgrad_zoo.architectures import cifar10_vit as _cifar10_vit  # noqa: F401
from rectgrad_zoo.architectures import fashion_mnist_cnn as _fashion_mnist_cnn  # noqa: F401
from rectgrad_zoo.data.class_labels import labels
from rectgrad_zoo.data.preprocessing import transform
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.loading import load, recipe
from rectgrad_zoo.model_names import complete
from rectgrad_zoo.registry import CheckpointInfo, checkpoints
from rectgrad_zoo.registry import names as list  # noqa: A004 (read as rectgrad_zoo.list)
from rectgrad_zoo.weights_origin import ModelProvenance, provenance

__all__ = [
    "CheckpointInfo",
    "ModelProvenance",
    "ZooError",
    "checkpoints",
    "complete",
    "labels",
    "list",
    "load",
    "provenance",
    "recipe",
    "transform",
]
