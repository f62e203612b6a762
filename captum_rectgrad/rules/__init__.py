"""The mathematics of the rules, on tensors, independent of models and graphs."""
