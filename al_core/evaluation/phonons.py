"""Phonons by finite displacements (phonopy)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from ase import Atoms

from al_core.config.evaluation import PhononsEvaluation
from al_core.evaluation.material import Material, computed, repeats
from al_core.evaluation.measured import Measured, Property

if TYPE_CHECKING:
    from phonopy import Phonopy

# of the primitive cell's reciprocal lattice; phonopy's primitive cells of F and I lattices, ASE's of the hexagonal one
_GAMMA = (0.0, 0.0, 0.0)
_POINTS = {
    "F": {
        "Γ": _GAMMA,
        "X": (0.5, 0.0, 0.5),
        "L": (0.5, 0.5, 0.5),
        "U": (0.625, 0.25, 0.625),
        "K": (0.375, 0.375, 0.75),
    },
    "I": {"Γ": _GAMMA, "H": (0.5, -0.5, 0.5), "N": (0.0, 0.0, 0.5), "P": (0.25, 0.25, 0.25)},
    "P": {"Γ": _GAMMA, "X": (0.0, 0.5, 0.0), "M": (0.5, 0.5, 0.0), "R": (0.5, 0.5, 0.5)},
    "H": {
        "Γ": _GAMMA,
        "M": (0.5, 0.0, 0.0),
        "K": (1 / 3, 1 / 3, 0.0),
        "A": (0.0, 0.0, 0.5),
        "L": (0.5, 0.0, 0.5),
        "H": (1 / 3, 1 / 3, 0.5),
    },
}
_MEASURED = {"F": "XL", "I": "HN", "P": "XR", "H": "MA"}  # where lowest and highest frequencies are properties
_PATHS = {
    "F": ("ΓXU", "KΓL"),
    "I": ("ΓHNΓPH",),
    "P": ("ΓXMΓRX",),
    "H": ("ΓMKΓALHA",),
}  # of the dispersion; U and K are one point
_ON_A_LINE = 41  # q-points from one point of high symmetry to the next
_IN_THE_DOS = 201  # frequencies
_LATTICE: dict[str, Literal["F", "I", "P", "H"]] = {
    "diamond": "F",
    "fcc": "F",
    "rocksalt": "F",
    "zincblende": "F",
    "bcc": "I",
    "sc": "P",
    "hcp": "H",
}
_MESH = 11  # q-points along each axis that imaginary modes are counted on
_IMAGINARY = -0.05  # THz: less is numerical noise of the acoustic modes at the origin


def phonons(material: Material, settings: PhononsEvaluation) -> Measured:
    """Return frequencies at points of high symmetry, and the share of imaginary modes, in THz.

    Imaginary frequencies are negative numbers. ``phonon_gamma_THz`` is the highest at the origin: of the optical modes,
    where there are some. The details are the dispersion along the usual lines, its distances in 1/Å without 2 pi, and
    the density of states, of integral one.
    """
    lattice = _LATTICE[material.structure]
    names = [f"phonon_{point}_{which}_THz" for point in _MEASURED[lattice] for which in ("lowest", "highest")]
    units_of = {"phonon_gamma_THz": "THz"} | dict.fromkeys(names, "THz") | {"imaginary_modes_percent": "%"}
    details: dict[str, Any] = {}

    def values() -> list[float]:
        phonon = dynamics(material, settings)
        gamma, *others = frequencies(phonon, [_POINTS[lattice][point] for point in f"Γ{_MEASURED[lattice]}"])
        ends = [float(value) for one in others for value in (one[0], one[-1])]
        imaginary = _imaginary_percent(phonon)
        details.update(dispersion=_dispersion(phonon, lattice), dos=_density_of_states(phonon))
        return [float(gamma[-1]), *ends, imaginary]

    found = computed(units_of, values)
    share = found["imaginary_modes_percent"]
    if share.value:
        found["imaginary_modes_percent"] = Property(share.value, share.unit, "the crystal is not stable")
    return Measured(found, details)


def _imaginary_percent(phonon: "Phonopy") -> float:
    phonon.run_mesh([_MESH] * 3)
    mesh: Any = phonon.mesh
    return 100 * float(np.average((mesh.frequencies < _IMAGINARY).mean(axis=1), weights=mesh.weights))


def _dispersion(phonon: "Phonopy", lattice: str) -> dict[str, Any]:
    """Return the bands along the lines of a lattice; where a line ends and another begins there is one tick."""
    points, paths = _POINTS[lattice], _PATHS[lattice]
    lines = [np.linspace(points[start], points[end], _ON_A_LINE) for path in paths for start, end in pairwise(path)]
    phonon.run_band_structure(lines)
    bands: Any = phonon.band_structure
    labels = list(paths[0])
    for path in paths[1:]:
        labels = [*labels[:-1], f"{labels[-1]}|{path[0]}", *path[1:]]
    return {
        "distance": np.concatenate(bands.distances).tolist(),
        "frequencies_THz": np.concatenate(bands.frequencies).T.tolist(),
        "ticks": [0.0, *(float(line[-1]) for line in bands.distances)],
        "labels": labels,
    }


def _density_of_states(phonon: "Phonopy") -> dict[str, list[float]]:
    """Return the density of states on the mesh that was run last, by linear tetrahedra."""
    mesh: Any = phonon.mesh
    low, high = min(0.0, float(mesh.frequencies.min())), float(mesh.frequencies.max())
    phonon.run_total_dos(freq_min=low, freq_max=high, freq_pitch=(high - low) / (_IN_THE_DOS - 1))
    found: Any = phonon.total_dos
    density = found.dos / np.trapezoid(found.dos, found.frequency_points)
    return {"frequency_THz": found.frequency_points.tolist(), "density": density.tolist()}


def dynamics(material: Material, settings: PhononsEvaluation) -> "Phonopy":
    """Return phonopy's object of the relaxed crystal with its force constants."""
    from phonopy import Phonopy  # which sets spglib's error handling when it is imported
    from phonopy.structure.atoms import PhonopyAtoms

    unit, lattice = material.cell(), _LATTICE[material.structure]
    phonon = Phonopy(
        PhonopyAtoms(
            symbols=unit.get_chemical_symbols(), cell=unit.cell.array, scaled_positions=unit.get_scaled_positions()
        ),
        supercell_matrix=np.diag(repeats(material.structure, settings.supercell)),
        primitive_matrix="P" if lattice == "H" else lattice,
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
