"""What a stack of models says of structures, computed in parts."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from ase import Atoms

from al_core.models.engine.stack import Stack

# atoms times models: more of them at once leave a processor's cache and are slower
_AT_ONCE = {"cpu": 256, "cuda": 2048}


def evaluate(models: Stack, structures: Sequence[Atoms]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what each of K models says of several structures of N atoms together.

    Returns:
        Energies, E0 among them, eV, [K, n]; forces, eV/Å, [K, N, 3]; stresses, eV/Å^3, positive under tension,
        [K, n, 3, 3], zero where there is no volume.
    """
    scale = models.weights["scale_shift.scale"]
    members, at_once = len(scale), _AT_ONCE.get(scale.device.type, _AT_ONCE["cuda"])
    energies = models.energies_of_atoms(structures)
    forces = np.empty((members, sum(map(len, structures)), 3))
    stresses = np.empty((members, len(structures), 3, 3))
    structure = atom = 0
    for part in _parts(structures, at_once // members):
        batch = models.network.join(models.network.prepare(part))
        own, atoms = slice(structure, structure + len(part)), slice(atom, atom + sum(map(len, part)))
        structure, atom = own.stop, atoms.stop
        several = max(1, at_once // (atoms.stop - atoms.start))
        for first in range(0, members, several):
            some = slice(first, first + several)
            with torch.no_grad():
                output = models.network({name: value[some] for name, value in models.weights.items()}, batch)
            energies[some, own] += output.energies.double().cpu().numpy()
            forces[some, atoms] = output.forces.cpu().numpy()
            stresses[some, own] = output.stresses.cpu().numpy()
    return energies, forces, stresses


def _parts(structures: Sequence[Atoms], atoms_at_once: int) -> Iterator[list[Atoms]]:
    part: list[Atoms] = []
    for atoms in structures:
        if part and sum(map(len, part)) + len(atoms) > atoms_at_once:
            yield part
            part = []
        part.append(atoms)
    if part:
        yield part
