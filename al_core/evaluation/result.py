"""What an evaluation returns: a record, and what is too large for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation of a committee found.

    Attributes:
        record: JSON-ready.
        arrays: what figures are drawn from beside it, kept in a compressed file; none of most evaluations.
    """

    record: dict[str, Any]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
