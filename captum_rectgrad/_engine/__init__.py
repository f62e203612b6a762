"""Private: how a rule gets onto the autograd graph of one call of a model.

`attribution.py` runs a model once, `graph.py` walks the graph behind the chosen outputs,
`backward_pass.py` puts hooks onto its nodes, and what is left is called in this order.
"""
