"""Networks that are hard for methods which change the gradient at activations, and what they do."""
