"""The page of `rectgrad app` on the port of a Hugging Face Space."""

from captum_rectgrad.app.server import serve

serve(["tf_efficientnet_lite0", "cifar10_cnn"], host="0.0.0.0", port=7860)  # noqa: S104
