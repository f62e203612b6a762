"""What an attribution costs, as a multiple of a plain gradient of the same network and batch.

Seconds mean nothing on another machine; ratios measured side by side do.
"""
