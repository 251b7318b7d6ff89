"""Prefect flows of Graft: what runs when, where, with which retry and limit; and the command line.

    from flows import data_budget_study
    report = data_budget_study("configs/quickstart.yaml")

Prefect is imported when a flow is first asked for, not before.
"""

import importlib
import os
from typing import Any

_FLOWS = {
    "pretrain": "flows.pretrain",
    "label_structures": "flows.label",
    "active_learning": "flows.active_learning",
    "data_budget_study": "flows.study",
    "evaluate": "flows.evaluate",
}
__all__ = sorted(_FLOWS)  # noqa: PLE0604 (names, made from the table)


def __getattr__(name: str) -> Any:
    if name not in _FLOWS:
        raise AttributeError(f"module 'flows' has no attribute {name!r}")
    # read by Prefect when it is imported; a user's own setting wins
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180")  # 20 is short on a busy machine
    return getattr(importlib.import_module(_FLOWS[name]), name)
