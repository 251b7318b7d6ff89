"""What several tests build: the configs of a small study and growth, strained structures, how far weights moved."""

from typing import Any

import numpy as np
from ase import Atoms

from al_core.config.growth import GrowthConfig
from al_core.config.reading import validate
from al_core.config.study import StudyConfig
from al_core.models.bundle import Bundle


def study_config(**changes: Any) -> StudyConfig:
    """Return the config of a small study of germanium, with other values for the keys in ``changes``."""
    sampled = {"kind": "md", "slices": [{"name": "bulk", "count": 10, "temperature_K": 300}]}
    return validate(
        StudyConfig,
        {
            "name": "small",
            "target": "Ge",
            "source": {"kind": "bundles", "path": "source"},
            "labeler": "stillinger_weber",
            "pool": sampled,
            "test": {**sampled, "seed": 1},
            "budgets": [1, 2],
            "arms": ["scratch"],
            "acquisitions": ["random"],
            **changes,
        },
        "test",
    )


def strained(atoms: Atoms, i: int, j: int, strain: float) -> Atoms:
    """Return a copy with a symmetric strain whose derivative of the energy is component i, j of stress x volume."""
    deformation = np.eye(3)
    deformation[i, j] += strain / 2
    deformation[j, i] += strain / 2
    copy = atoms.copy()
    copy.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
    return copy


def moved(before: Bundle, after: Bundle) -> dict[str, float]:
    """Return how far each weight moved, relative to its size."""
    names = [name for name, value in before.weights.items() if value.is_floating_point() and value.numel()]
    return {
        name: float((after.weights[name] - before.weights[name]).norm() / (before.weights[name].norm() + 1e-12))
        for name in names
    }


def growth_config(**changes: Any) -> GrowthConfig:
    """Return the config of a small growth of germanium, with other values for the keys in ``changes``."""
    return validate(
        GrowthConfig,
        {
            "name": "grown",
            "target": "Ge",
            "source": {"kind": "bundles", "path": "source"},
            "labeler": "stillinger_weber",
            "committee": 2,
            **changes,
        },
        "test",
    )
