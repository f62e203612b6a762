"""How fast the networks of `roar-kar` are trained, beside a plain loop; and whether bfloat16 harms.

Images per second mean nothing on another machine; ratios measured side by side do, and so does the
share of the arithmetic that a card could do.
"""
