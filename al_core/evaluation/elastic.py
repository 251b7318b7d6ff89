"""Elastic constants of a cubic crystal, relaxed."""

from ase import units
from ase.optimize import BFGS
from matscipy.elasticity import fit_elastic_constants

from al_core.config.evaluation import ElasticEvaluation
from al_core.evaluation.material import Material, computed
from al_core.evaluation.measured import Measured, Property

_STEPS = 5  # strains of each pattern
_FORCE_TOLERANCE = 1e-3  # eV/Å


def elastic(material: Material, settings: ElasticEvaluation) -> Measured:
    """Return C11, C12 and C44, atoms relaxed at each strain, and whether the crystal is stable (Born).

    Stresses against strains of the cubic cell, by linear regression: a stress that is there without strain, such as
    that of an unconverged basis, has no part in it. The stability is the smallest eigenvalue of the elastic tensor
    (C11 - C12, C44, C11 + 2 C12); below zero the crystal gives way.
    """
    found = computed({f"C{name}_GPa": "GPa" for name in ("11", "12", "44")}, lambda: _constants(material, settings))
    c11, c12, c44 = (one.value for one in found.values())
    if c11 is None or c12 is None or c44 is None:
        return Measured(found)
    least = min(c11 - c12, c44, c11 + 2 * c12)
    remark = "" if least > 0 else "the crystal is not stable (Born)"
    return Measured({**found, "least_stiffness_GPa": Property(least, "GPa", remark)})


def _constants(material: Material, settings: ElasticEvaluation) -> list[float]:
    atoms = material.cell()
    atoms.calc = material.potential
    tensor, _ = fit_elastic_constants(
        atoms,
        symmetry="cubic",
        N_steps=_STEPS,
        delta=2 * settings.strain / (_STEPS - 1),
        optimizer=BFGS,
        fmax=_FORCE_TOLERANCE,
        verbose=False,
        graphics=False,
        logfile=None,
    )
    return [float(tensor[index] / units.GPa) for index in ((0, 0), (0, 1), (3, 3))]
