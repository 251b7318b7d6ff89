"""Energies of the low-index surfaces, relaxed and not reconstructed."""

from functools import partial

import numpy as np
from ase import Atoms, units
from ase.build import surface
from ase.geometry import minkowski_reduce

from al_core.config.evaluation import SurfacesEvaluation
from al_core.evaluation.material import Material, computed
from al_core.evaluation.measured import Measured, NoPropertyError, Properties

_FACES = {"100": (1, 0, 0), "110": (1, 1, 0), "111": (1, 1, 1)}
_FACES_OF_HCP = {"0001": (0, 0, 1), "1010": (1, 0, 0)}  # by the primitive cell's axes: basal and prism
_VACUUM_A = 6.0  # on each side
_J_PER_M2 = units.J / units.m**2


def surfaces(material: Material, settings: SurfacesEvaluation) -> Measured:
    """Return the energies of (100), (110) and (111), J/m^2: (E(slab) - N E(crystal)) / 2 A; of hcp (0001) and (10-10).

    The slabs have the periodicity of the crystal (1 x 1), so no surface can reconstruct. Of the places to cut it takes
    that which breaks the fewest bonds. A compound's faces must have both elements in every plane: others are polar.
    """
    found: Properties = {}
    for name, face in (_FACES_OF_HCP if material.is_hcp else _FACES).items():
        found |= computed({f"surface_{name}_J_per_m2": "J/m²"}, partial(_energy, material, settings, face))
    return Measured(found)


def _energy(material: Material, settings: SurfacesEvaluation, face: tuple[int, int, int]) -> tuple[float]:
    slab = _slab(material, settings, face)
    if not _is_neutral(slab):
        raise NoPropertyError("polar: there are planes of one element alone")
    slab = material.relaxed(slab)
    area = np.linalg.norm(np.cross(*slab.cell.array[:2]))
    excess = slab.get_potential_energy() - len(slab) * material.equation.energy
    return (float(excess / (2 * area) / _J_PER_M2),)


def _is_neutral(slab: Atoms) -> bool:
    heights = slab.positions[:, 2].round(4)
    planes = [set(slab.numbers[heights == height]) for height in np.unique(heights)]
    return all(plane == set(slab.numbers) for plane in planes)


def _slab(material: Material, settings: SurfacesEvaluation, face: tuple[int, int, int]) -> Atoms:
    """Return the thinnest slab of at least the thickness, cut at two of the widest gaps between planes of atoms."""
    unit = material.primitive
    indices: tuple[int, ...] = face
    if not material.is_hcp:  # the face by the primitive cell's reciprocal axes, so that the slab is the smallest
        multiples = np.rint(2 * unit.cell.array @ face / material.lattice_constant).astype(int)
        indices = tuple(int(one) for one in multiples // np.gcd.reduce(multiples))
    period = surface(unit, indices, 1, periodic=True).cell.array[2, 2]
    stack: Atoms = surface(unit, indices, int(np.ceil(settings.thickness_A / period)) + 2)
    heights = np.unique(stack.positions[:, 2].round(4))
    gaps = np.diff(heights)
    cuts = (heights[:-1] + gaps / 2)[gaps > gaps.max() - 1e-3]
    top = next(cut for cut in cuts if cut - cuts[0] >= settings.thickness_A)
    slab: Atoms = stack[(stack.positions[:, 2] > cuts[0]) & (stack.positions[:, 2] < top)]
    slab.center(vacuum=_VACUUM_A, axis=2)
    slab.set_cell(minkowski_reduce(slab.cell, pbc=(True, True, False))[0])
    slab.pbc = True
    slab.wrap()
    return slab
