"""Elastic constants of cubic and hexagonal crystals, relaxed."""

import numpy as np
from ase import Atoms, units
from matscipy.elasticity import fit_elastic_constants

from al_core.config.evaluation import ElasticEvaluation
from al_core.evaluation.material import Material, computed
from al_core.evaluation.measured import Measured, Property
from al_core.evaluation.relaxation import relax

_CUBIC = {"C11": (0, 0), "C12": (0, 1), "C44": (3, 3)}
_HEXAGONAL = _CUBIC | {"C13": (0, 2), "C33": (2, 2)}
_STEPS = 5  # strains of each pattern
_FORCE_TOLERANCE = 1e-3  # eV/Å


class _Relaxation:
    """What matscipy brings the atoms to rest by: within some steps, which ASE's optimizers are not bound to."""

    def __init__(self, atoms: Atoms, logfile: None) -> None:
        self._atoms = atoms

    def run(self, fmax: float) -> None:
        relax(self._atoms, fmax)


def elastic(material: Material, settings: ElasticEvaluation) -> Measured:
    """Return the elastic constants, atoms relaxed at each strain, and whether the crystal is stable (Born).

    C11, C12 and C44, of hcp also C13 and C33. Stresses against strains, by linear regression: a stress that is there
    without strain, such as that of an unconverged basis, has no part in it. The stability is the smallest eigenvalue of
    the elastic tensor (of a cubic crystal C11 - C12, C44, C11 + 2 C12); below zero the crystal gives way.
    """
    names = _HEXAGONAL if material.is_hcp else _CUBIC
    least: list[float] = []

    def values() -> list[float]:
        tensor = _tensor(material, settings)
        least.append(float(np.linalg.eigvalsh(tensor).min()))
        return [float(tensor[index]) for index in names.values()]

    found = computed({f"{name}_GPa": "GPa" for name in names}, values)
    if not least:
        return Measured(found)
    remark = "" if least[0] > 0 else "the crystal is not stable (Born)"
    return Measured({**found, "least_stiffness_GPa": Property(least[0], "GPa", remark)})


def _tensor(material: Material, settings: ElasticEvaluation) -> np.ndarray:
    """Return the elastic tensor in Voigt's notation, GPa, [6, 6]."""
    atoms = material.cell()
    atoms.calc = material.potential
    tensor, _ = fit_elastic_constants(
        atoms,
        symmetry="hexagonal" if material.is_hcp else "cubic",
        N_steps=_STEPS,
        delta=2 * settings.strain / (_STEPS - 1),
        optimizer=_Relaxation,
        fmax=_FORCE_TOLERANCE,
        verbose=False,
        graphics=False,
        logfile=None,
    )
    return np.asarray(tensor) / units.GPa
