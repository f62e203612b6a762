"""The page of `rectgrad app` on the port of a Hugging Face Space."""

import os

from captum_rectgrad.app.server import serve

serve(
    ["tf_efficientnet_lite0", "cifar10_cnn"],
    host="0.0.0.0",  # noqa: S104
    port=int(os.environ.get("GRADIO_SERVER_PORT", "7860")),
)
