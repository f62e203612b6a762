"""Private: application of a rule to the autograd graph of one call of a model.

`attribution.py` runs the model. `graph.py` walks the graph of the selected outputs.
`backward_pass.py` registers hooks on its nodes.
"""
