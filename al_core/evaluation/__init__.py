"""Evaluations: what is measured on a trained committee. One file each; this is their registry."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from ase import Atoms

from al_core.evaluation.errors import errors
from al_core.models.bundle import Bundle
from al_core.types import Label

# of a committee on labelled test structures, computed on a device: a JSON-ready record
Evaluate = Callable[[Sequence[Bundle], Sequence[tuple[Atoms, Label]], torch.device], dict[str, Any]]

EVALUATIONS: dict[str, Evaluate] = {"errors": errors}
