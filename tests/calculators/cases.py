"""The labelers under test, and structures they label."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from al_core.config.labelers import CHGNetLabeler, DatasetLabeler, EMTLabeler, GPAWLabeler, StillingerWeberLabeler
from al_core.structures.datasets import write_labelled
from al_core.structures.elements import CRYSTALS
from al_core.types import Label, Labeler
from calculators.base import make_labeler

CHEAP = {
    "cutoff_eV": 200,
    "kpt_density": 0.9,
    "kpt_even": True,
    "density_convergence": 1e-6,
    "energy_convergence_eV": 1e-7,
}
STEP_A = 1e-3


@dataclass(frozen=True)
class Case:
    """A labeler under test: it, a structure it labels, and how exact its numbers are."""

    labeler: Labeler
    atoms: Atoms
    energy_eV: float  # repeatability
    force_eV_per_A: float  # against finite differences
    components: tuple[tuple[int, int], ...]
    other: Atoms | None = None  # that it labels too; distorted silicon if not given


def crystal(element: str, repeat: int = 1) -> Atoms:
    """Return a distorted diamond crystal of 8 atoms (2 with repeat=0), rounded as all structures of Graft are."""
    return distorted(bulk(element, "diamond", a=5.5, cubic=repeat > 0))


def metal(element: str) -> Atoms:
    """Return a distorted fcc crystal of 8 atoms."""
    return distorted(bulk(element, "fcc", a=1.02 * CRYSTALS[element].lattice_constant_A, cubic=True).repeat((2, 1, 1)))


def distorted(atoms: Atoms) -> Atoms:
    rng = np.random.default_rng(7)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.uniform(-0.03, 0.03, (3, 3))), scale_atoms=True)
    atoms.positions += rng.normal(0, 0.08, atoms.positions.shape)
    atoms.positions, atoms.cell = atoms.positions.round(6), atoms.cell.array.round(6)
    return atoms


def moved(atoms: Atoms, atom: int, axis: int, by: float) -> Atoms:
    copy = atoms.copy()
    copy.positions[atom, axis] += by
    return copy


COMPONENTS = ((0, 0), (1, 1), (5, 2))
SW = StillingerWeberLabeler()


def _stillinger_weber(element: str, folder: Path) -> Case:
    return Case(make_labeler(SW), crystal(element), 1e-10, 1e-5, COMPONENTS)


def _three_body(element: str, folder: Path) -> Case:
    return Case(make_labeler(StillingerWeberLabeler(three_body=1.7)), crystal(element), 1e-10, 1e-5, COMPONENTS)


def _emt(element: str, folder: Path) -> Case:
    return Case(make_labeler(EMTLabeler()), metal(element), 1e-10, 1e-5, COMPONENTS, metal("Al"))


def _chgnet(element: str, folder: Path) -> Case:
    return Case(make_labeler(CHGNetLabeler()), crystal(element), 1e-10, 1e-4, COMPONENTS)


def dataset_case(element: str, folder: Path) -> Case:
    atoms = crystal(element)
    asked = [moved(atoms, *place, sign * STEP_A) for place in COMPONENTS for sign in (1, -1)]
    asked += [atoms, crystal("Si"), translated(atoms)]
    answers = make_labeler(SW)
    write_labelled(folder / "labels.extxyz", [(one, answers.label(one, folder)) for one in asked])
    settings = DatasetLabeler(path=folder / "labels.extxyz", stress_key="REF_stress")
    return Case(make_labeler(settings), atoms, 1e-10, 1e-5, COMPONENTS)


def _gpaw(element: str, folder: Path) -> Case:
    return Case(make_labeler(GPAWLabeler(**CHEAP)), crystal(element, 0), 2e-5, 3e-3, ((1, 2),))


CASES = [
    pytest.param((_stillinger_weber, "Si"), id="stillinger_weber Si"),
    pytest.param((_stillinger_weber, "Ge"), id="stillinger_weber Ge"),
    pytest.param((_three_body, "Ge"), id="stillinger_weber Ge, other three-body strength"),
    pytest.param((_emt, "Cu"), id="emt Cu"),
    pytest.param((_emt, "Pt"), id="emt Pt"),
    pytest.param((_chgnet, "Ge"), id="chgnet Ge"),
    pytest.param((dataset_case, "Ge"), id="dataset"),
    pytest.param((_gpaw, "Ge"), id="gpaw", marks=pytest.mark.dft),
]


Labelling = Callable[[Labeler, Atoms], Label]


def translated(atoms: Atoms) -> Atoms:
    copy = atoms.copy()
    copy.positions += atoms.cell[0] + atoms.cell[2]
    copy.positions[1] -= atoms.cell[1]
    return copy
