"""The source's potential in the target's units of length and energy."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from ase import Atoms

from al_core.config.target import Target, sources_of, title_of
from al_core.models.bundle import Bundle
from al_core.models.rescaling import Rescaling, fit_atomic_energies, fit_rescaling, relabel, rescale
from al_core.structures.elements import CRYSTALS
from al_core.structures.shells import bond_length
from al_core.types import Label

# How far the ratios may be off. The cohesive energy is a poor guide to the stiffness of bonds
_LENGTH_ERROR = 0.03  # relative
_ENERGY_ERROR, _UNKNOWN_ENERGY_ERROR = 0.3, 1.0  # relative


def physical_guess(source: Bundle, target: Target, bond_length_A: float | None = None) -> Rescaling:
    """Return the ratios of bond lengths and cohesive energies, with what they may be off.

    The ratio of bond lengths is that of the structures the source was trained on and those of the target. Where one of
    them is not known, or the target starts from some of the source's elements only, it is that of the crystals, in
    density-functional theory or else in experiment. The ratio of cohesive energies is that of experiment. What is not
    known at all is 1: of compounds nothing is but their bonds.

    Args:
        source: a source model.
        target: its element, or the elements of a compound.
        bond_length_A: of structures of the target; see :func:`al_core.structures.shells.bond_length`.
    """
    length, energy, energy_error = 1.0, 1.0, _UNKNOWN_ENERGY_ERROR
    mapped = sources_of(target, source.elements)
    before, after = "".join(mapped), title_of(target)
    if before in CRYSTALS and after in CRYSTALS:
        old, new = CRYSTALS[before], CRYSTALS[after]
        in_dft = bool(old.pbe_lattice_constant_A and new.pbe_lattice_constant_A)
        length = new.bond(in_dft) / old.bond(in_dft)
        energy = new.cohesive_energy_eV / old.cohesive_energy_eV
        energy_error = _ENERGY_ERROR
    trained_on_A = source.info.get("training", {}).get("bond_length_A")
    if trained_on_A and bond_length_A and {*mapped} == {*source.elements}:
        length = bond_length_A / trained_on_A
    return Rescaling(length, energy, length_error=_LENGTH_ERROR * length, energy_error=energy_error * energy)


def rescaled(
    source: Sequence[Bundle],
    labelled: Sequence[tuple[Atoms, Label]],
    target: Target,
    seed: int,
    device: torch.device,
    pool: Sequence[Atoms] = (),
) -> list[Bundle]:
    """Return the source committee with length ratio, energy scale and E0s fitted to the labels.

    Length ratio and energy scale are one pair for the whole committee; each member has its own E0s. Without labels
    those of :func:`physical_guess` are taken.

    Args:
        source: the source committee.
        labelled: the labels at hand; may be none.
        target: its element, or the elements of a compound with those they start from.
        seed: not used; the members differ by the seeds of their source models.
        device: where to compute.
        pool: structures of the target, which tell its bond length; the labelled ones do if there are none.
    """
    structures = pool or [atoms for atoms, _ in labelled]
    guess = physical_guess(source[0], target, bond_length(structures))
    relabelled = [relabel(bundle, target) for bundle in source]
    fitted = fit_rescaling(relabelled, labelled, guess, device)
    starts = [rescale(bundle, fitted) for bundle in relabelled]
    starts = [replace(start, info={**start.info, "rescaling": fitted.as_dict()}) for start in starts]
    return [fit_atomic_energies(bundle, labelled, device) for bundle in starts]
