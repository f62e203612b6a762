"""Table 1 and figure 18: networks retrained without ranked pixels, or with only those (ROAR, KAR).

A cell of the table is one network, or one evaluation of a network.
"""
