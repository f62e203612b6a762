"""Everything of Captum that is not its public interface, in one place.

A new Captum release that moves one of these names breaks this file and no other.
"""

from captum._utils.common import (
    _format_output as format_output,
)
from captum._utils.common import (
    _format_tensor_into_tuples as format_tensor_into_tuples,
)
from captum._utils.common import (
    _is_tuple as is_tuple,
)
from captum._utils.common import (
    _select_targets as select_targets,
)
from captum._utils.typing import TargetType, TensorOrTupleOfTensorsGeneric
from captum.log import log_usage

__all__ = [
    "TargetType",
    "TensorOrTupleOfTensorsGeneric",
    "format_output",
    "format_tensor_into_tuples",
    "is_tuple",
    "log_usage",
    "select_targets",
]
