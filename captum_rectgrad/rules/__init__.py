"""The mathematics of the rules: tensors in, tensors out; nothing here knows a model or a graph."""
