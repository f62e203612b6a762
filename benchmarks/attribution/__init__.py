"""The running time of attributions, relative to a plain gradient of the same network and batch.

Ratios measured on one machine are comparable between machines; seconds are not.
"""
