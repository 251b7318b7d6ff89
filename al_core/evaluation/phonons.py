"""Phonons by finite displacements (phonopy)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from ase import Atoms

from al_core.config.evaluation import PhononsEvaluation
from al_core.evaluation.material import Material, computed
from al_core.evaluation.measured import Measured, Property

if TYPE_CHECKING:
    from phonopy import Phonopy

# of the primitive cell's reciprocal lattice; phonopy's primitive cells of F and I lattices
_POINTS = {
    "F": {"X": (0.5, 0.0, 0.5), "L": (0.5, 0.5, 0.5)},
    "I": {"H": (0.5, -0.5, 0.5), "N": (0.0, 0.0, 0.5)},
    "P": {"X": (0.0, 0.5, 0.0), "R": (0.5, 0.5, 0.5)},
}
_LATTICE: dict[str, Literal["F", "I", "P"]] = {"diamond": "F", "fcc": "F", "bcc": "I", "sc": "P"}
_MESH = 11  # q-points along each axis that imaginary modes are counted on
_IMAGINARY = -0.05  # THz: less is numerical noise of the acoustic modes at the origin


def phonons(material: Material, settings: PhononsEvaluation) -> Measured:
    """Return frequencies at points of high symmetry, and the share of imaginary modes, in THz.

    Imaginary frequencies are negative numbers. ``phonon_gamma_THz`` is the highest at the origin: of the optical modes,
    where there are some.
    """
    lattice = _LATTICE[material.structure]
    names = [f"phonon_{point}_{which}_THz" for point in _POINTS[lattice] for which in ("lowest", "highest")]
    units_of = {"phonon_gamma_THz": "THz"} | dict.fromkeys(names, "THz") | {"imaginary_modes_percent": "%"}
    found = computed(units_of, lambda: _frequencies(material, settings))
    share = found["imaginary_modes_percent"]
    if share.value:
        found["imaginary_modes_percent"] = Property(share.value, share.unit, "the crystal is not stable")
    return Measured(found)


def _frequencies(material: Material, settings: PhononsEvaluation) -> list[float]:
    phonon = dynamics(material, settings)
    points = ((0.0, 0.0, 0.0), *_POINTS[_LATTICE[material.structure]].values())
    gamma, *others = frequencies(phonon, points)
    phonon.run_mesh([_MESH] * 3)
    mesh: Any = phonon.mesh
    imaginary = np.average((mesh.frequencies < _IMAGINARY).mean(axis=1), weights=mesh.weights)
    ends = [value for one in others for value in (one[0], one[-1])]
    return [float(gamma[-1]), *map(float, ends), 100 * float(imaginary)]


def dynamics(material: Material, settings: PhononsEvaluation) -> "Phonopy":
    """Return phonopy's object of the relaxed crystal with its force constants."""
    from phonopy import Phonopy  # which sets spglib's error handling when it is imported
    from phonopy.structure.atoms import PhonopyAtoms

    unit = material.cell()
    phonon = Phonopy(
        PhonopyAtoms(
            symbols=unit.get_chemical_symbols(), cell=unit.cell.array, scaled_positions=unit.get_scaled_positions()
        ),
        supercell_matrix=np.eye(3, dtype=int) * settings.supercell,
        primitive_matrix=_LATTICE[material.structure],
    )
    phonon.generate_displacements(distance=settings.displacement_A)
    phonon.forces = [_forces(material, one) for one in phonon.supercells_with_displacements or ()]
    phonon.produce_force_constants()
    phonon.symmetrize_force_constants()
    return phonon


def frequencies(phonon: "Phonopy", points: Sequence[Sequence[float]]) -> np.ndarray:
    """Return [n_points, n_modes] frequencies, THz, ascending; points are of the primitive cell's reciprocal lattice."""
    return np.sort(phonon.run_qpoints(points).frequencies, axis=1)


def _forces(material: Material, supercell: Any) -> np.ndarray:
    atoms = Atoms(supercell.symbols, scaled_positions=supercell.scaled_positions, cell=supercell.cell, pbc=True)
    atoms.calc = material.potential
    return np.asarray(atoms.get_forces())
