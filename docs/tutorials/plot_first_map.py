"""
# A first map

A trivial tutorial, to be written over.
"""

# %%
# ## A model and a photograph

import matplotlib.pyplot as plt
import skimage.data
from PIL import Image

import rectgrad_zoo
from captum_rectgrad import RectGrad

model = rectgrad_zoo.load("tf_efficientnet_lite0")
image = rectgrad_zoo.transform(model)(Image.fromarray(skimage.data.chelsea()))
attributions = RectGrad(model).attribute(image[None], target=282)
print(tuple(attributions.shape))

# %%
# ## The picture
#
# See [when not to trust it](../when-not-to-trust-a-map.md).

plt.figure("RectGrad's map of a cat: red dots at its eyes and nose")
plt.imshow(attributions[0].detach().sum(dim=0), cmap="Reds")
plt.axis("off")
plt.show()
