"""The source's potential in the target's units of length and energy."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from ase import Atoms

from al_core.models.bundle import Bundle
from al_core.models.rescaling import Rescaling, fit_atomic_energy, fit_rescaling, relabel, rescale
from al_core.structures.elements import CRYSTALS
from al_core.types import Label

# How far the ratios may be off. Between two kinds of lattices the cohesive energy is no guide to the stiffness of bonds
_LENGTH_ERROR = 0.03  # relative
_ENERGY_ERROR = {"alike": 0.1, "unlike": 0.3}


def physical_guess(source: str, target: str) -> Rescaling:
    """Return the ratios of bond lengths and cohesive energies, with what they may be off.

    Between equal lattices the ratio of bond lengths is that of the lattice constants: of density-functional theory,
    where most labels are from and germanium is longer by more than silicon is, or else of experiment. Where an element
    is not known the ratios are 1.
    """
    length, energy, lattices = 1.0, 1.0, "unlike"
    if source in CRYSTALS and target in CRYSTALS:
        old, new = CRYSTALS[source], CRYSTALS[target]
        in_dft = bool(old.pbe_lattice_constant_A and new.pbe_lattice_constant_A)
        length = new.bond(in_dft) / old.bond(in_dft)
        energy = new.cohesive_energy_eV / old.cohesive_energy_eV
        lattices = "alike" if old.structure == new.structure else "unlike"
    return Rescaling(length, energy, length_error=_LENGTH_ERROR * length, energy_error=_ENERGY_ERROR[lattices])


def rescaled(
    source: Sequence[Bundle], labelled: Sequence[tuple[Atoms, Label]], element: str, seed: int, device: torch.device
) -> list[Bundle]:
    """Return the source committee with length ratio, energy scale and E0 fitted to the labels.

    Length ratio and energy scale are one pair for the whole committee; each member has its own E0. Without labels those
    of :func:`physical_guess` are taken.

    Args:
        source: the source committee.
        labelled: the labels at hand; may be none.
        element: chemical symbol of the target.
        seed: not used; the members differ by the seeds of their source models.
        device: where to compute.
    """
    guess = physical_guess(source[0].element, element)
    fitted = fit_rescaling(source, labelled, guess, device)
    starts = [relabel(rescale(bundle, fitted), element) for bundle in source]
    starts = [replace(start, info={**start.info, "rescaling": fitted.as_dict()}) for start in starts]
    return [fit_atomic_energy(bundle, labelled, device) for bundle in starts]
