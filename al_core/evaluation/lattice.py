"""Lattice constants, equation of state, and energies of other phases."""

from functools import partial

from al_core.config.evaluation import LatticeEvaluation
from al_core.evaluation.equation import equation_of_state, phase_volume, primitive_cell
from al_core.evaluation.material import Material, computed
from al_core.evaluation.measured import Measured, NoPropertyError


def lattice(material: Material, settings: LatticeEvaluation) -> Measured:
    """Return lattice constant, bulk modulus and its derivative, and energies of other phases against the crystal.

    Of hcp there are two lattice constants; its c/a is that of the least energy at each volume. Each phase is at the
    volume of its least energy; beta-tin has c/a = 0.55. The details are the points of the crystal's equation of state.
    """
    edges_of = ("lattice_constant_A", "lattice_constant_c_A") if material.is_hcp else ("lattice_constant_A",)
    units_of = dict.fromkeys(edges_of, "Å") | {"bulk_modulus_GPa": "GPa", "bulk_modulus_derivative": ""}

    def values() -> list[float]:
        edges = material.primitive.cell.lengths()[[0, 2]] if material.is_hcp else [material.lattice_constant]
        return [*edges, material.equation.bulk_modulus_GPa, material.equation.derivative]

    found = computed(units_of, values)
    for phase in settings.phases:
        if phase != material.structure:
            name = f"{phase}_energy_meV_per_atom"
            found |= computed({name: "meV/atom"}, partial(_energy, material, phase))
    if found["lattice_constant_A"].value is None:
        return Measured(found)
    curve = material.equation
    return Measured(found, {"volume_A3_per_atom": list(curve.volumes), "energy_eV_per_atom": list(curve.energies)})


def _energy(material: Material, phase: str) -> tuple[float]:
    if material.is_compound:
        raise NoPropertyError("phases are of elements")
    volume = material.equation.volume * phase_volume(material.structure, phase)
    cell = primitive_cell(material.formula, phase, volume)
    other = equation_of_state(cell, material.potential, free_ratio=phase == "hcp")
    return (1e3 * (other.energy - material.equation.energy),)
