"""Evaluations: what is measured on a trained committee. One file each; this is their registry."""

from collections.abc import Callable, Sequence

import torch
from ase import Atoms

from al_core.evaluation.errors import errors
from al_core.evaluation.result import EvaluationResult
from al_core.models.bundle import Bundle
from al_core.types import Label

# of a committee on labelled test structures, computed on a device
Evaluate = Callable[[Sequence[Bundle], Sequence[tuple[Atoms, Label]], torch.device], EvaluationResult]

EVALUATIONS: dict[str, Evaluate] = {"errors": errors}
