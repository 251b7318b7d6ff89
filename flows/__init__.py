"""Prefect flows of Graft: what runs when, where, with which retry and limit; and the command line.

    from flows import data_budget_study
    report = data_budget_study("configs/quickstart.yaml")

Prefect is imported when a flow is first asked for, not before.
"""

import importlib
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flows.active_learning import active_learning
    from flows.convergence import convergence
    from flows.evaluate import evaluate
    from flows.label import label_structures
    from flows.pretrain import pretrain
    from flows.study import data_budget_study

__all__ = ["active_learning", "convergence", "data_budget_study", "evaluate", "label_structures", "pretrain"]

_FILES = {"data_budget_study": "study", "label_structures": "label"}  # the others are named as their flow


def set_prefect_defaults() -> None:
    """Keep Prefect from sending anything and from giving up early; it reads this when it is imported.

    A user's own setting wins. A temporary server is told whose it is: see :mod:`flows.runtime.prefect_plugin`.
    """
    os.environ["GRAFT_PROCESS"] = str(os.getpid())
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    # outside a checkout, too: a temporary server ends with its owner
    os.environ.setdefault("PREFECT_PLUGINS_ENABLED", "true")
    os.environ.setdefault("PREFECT_PLUGINS_ALLOW", "graft")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180")  # 20 is short on a busy machine


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'flows' has no attribute {name!r}")
    set_prefect_defaults()
    return getattr(importlib.import_module(f"flows.{_FILES.get(name, name)}"), name)


class _Flows(ModuleType):
    """This package, in which a flow's name stays the flow when the file of the same name is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Flows
