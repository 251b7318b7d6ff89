"""Structures as padded neighbour lists with everything about them that no weight changes."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
import torch.nn.functional as nn
from ase import Atoms

from al_core.models.engine.harmonics import harmonics
from al_core.models.engine.neighbours import neighbours
from al_core.models.engine.radial import bessel


@dataclass(frozen=True)
class Basis:
    """The fixed functions of a model that are expanded in. Tensors are float64.

    Attributes:
        numbers: atomic numbers the model knows, in its order.
        r_max: cutoff, Å.
        frequencies, prefactor, power: of Bessel functions and cutoff polynomial.
        l_max: largest degree of the spherical harmonics.
    """

    numbers: tuple[int, ...]
    r_max: torch.Tensor
    frequencies: torch.Tensor
    prefactor: torch.Tensor
    power: int
    l_max: int

    def same(self, other: "Basis") -> bool:
        """Tell whether two models can share one geometry."""
        return (self.numbers, self.power, self.l_max) == (other.numbers, other.power, other.l_max) and all(
            torch.equal(getattr(self, name), getattr(other, name)) for name in ("r_max", "frequencies", "prefactor")
        )


@dataclass(frozen=True)
class Geometry:
    """One structure or several: N atoms with S neighbour slots each, P pairs, B structures.

    A slot is an atom as another one's neighbour; slots are numbered atom * S + index. A pair has two slots. Slots that
    stand for nobody have the pair -1 (P once joined), a harmonic of zero and themselves as reverse.

    Attributes:
        sizes: atoms of each structure, [B].
        volumes: Å^3, [B]; 0 where a structure is not periodic.
        species: index of each atom's number in the basis, [N].
        neighbor: the atom in each slot, [N, S].
        pair: [N * S].
        reverse: the slot that sees the pair from the other side, [N * S].
        slots: [2, P].
        vectors: from neighbour to atom, Å, [N, S, 3].
        angular, angular_slope: spherical harmonics and their derivatives, [N, S, M] and [N, S, M, 3].
        radial: Bessel functions with cutoff and their derivatives, [2, P, n_basis].
    """

    sizes: torch.Tensor
    volumes: torch.Tensor
    species: torch.Tensor
    neighbor: torch.Tensor
    pair: torch.Tensor
    reverse: torch.Tensor
    slots: torch.Tensor
    vectors: torch.Tensor
    angular: torch.Tensor
    angular_slope: torch.Tensor
    radial: torch.Tensor


def geometries(structures: Sequence[Atoms], basis: Basis, dtype: torch.dtype, device: torch.device) -> list[Geometry]:
    """Return the geometry of each structure, computed in float64; a model of one element takes all atoms for it.

    Raises:
        KeyError: an element is not among the several the model knows.
    """
    bare = [_topology(atoms, basis) for atoms in structures]
    vectors = [one.vectors.flatten(0, 1) for one in bare]
    angular, slopes = harmonics(torch.cat(vectors), basis.l_max)
    distances = [part[one.slots[0]].norm(dim=1) for one, part in zip(bare, vectors, strict=True)]
    radial = bessel(torch.cat(distances), basis.frequencies, basis.prefactor, basis.r_max, basis.power)
    found, slots, pairs = [], 0, 0
    for one in bare:
        own = slice(slots, slots + len(one.pair))
        there = (one.pair >= 0).double().unsqueeze(-1)
        whole = replace(
            one,
            angular=(angular[own] * there).view(*one.neighbor.shape, -1),
            angular_slope=(slopes[own] * there.unsqueeze(-1)).view(*one.neighbor.shape, -1, 3),
            radial=radial[:, pairs : pairs + one.slots.shape[1]],
        )
        slots, pairs = own.stop, pairs + one.slots.shape[1]
        found.append(_placed(whole, dtype, device))
    return found


def _placed(one: Geometry, dtype: torch.dtype, device: torch.device) -> Geometry:
    values = {field.name: getattr(one, field.name) for field in fields(Geometry)}
    return Geometry(
        **{name: value.to(device, dtype if value.is_floating_point() else None) for name, value in values.items()}
    )


def _topology(atoms: Atoms, basis: Basis) -> Geometry:
    """Return the geometry of a structure without harmonics and radial functions."""
    near = neighbours(atoms, float(basis.r_max))
    center, other = near.first, near.second
    count = np.bincount(center, minlength=len(atoms))
    width = max(1, int(count.max(initial=0)))
    index = np.arange(len(center)) - (np.cumsum(count) - count)[center]  # matscipy sorts edges by their first atom
    slot = center * width + index
    mirror = _mirror(center, other, near.images)
    first = np.flatnonzero(np.arange(len(center)) < mirror)
    pair_of_edge = np.empty(len(center), int)
    pair_of_edge[first] = pair_of_edge[mirror[first]] = np.arange(len(first))

    n_slots = len(atoms) * width
    neighbor = np.zeros(n_slots, int)
    pair = np.full(n_slots, -1)
    reverse = np.arange(n_slots)
    vectors = np.full((n_slots, 3), float(basis.r_max))
    neighbor[slot], pair[slot], reverse[slot] = other, pair_of_edge, slot[mirror]
    vectors[slot] = atoms.positions[center] - atoms.positions[other] - near.shifts
    index_of = {number: index for index, number in enumerate(basis.numbers)}
    species = [index_of[number] if len(index_of) > 1 else 0 for number in atoms.numbers.tolist()]
    n, nothing = len(atoms), torch.empty(0)
    return Geometry(
        sizes=torch.tensor([n]),
        volumes=torch.tensor([abs(np.linalg.det(near.cell)) if atoms.pbc.all() else 0.0], dtype=torch.float64),
        species=torch.tensor(species),
        neighbor=torch.from_numpy(neighbor.reshape(n, width)),
        pair=torch.from_numpy(pair),
        reverse=torch.from_numpy(reverse),
        slots=torch.from_numpy(np.stack([slot[first], slot[mirror[first]]])),
        vectors=torch.from_numpy(vectors.reshape(n, width, 3)),
        angular=nothing,
        angular_slope=nothing,
        radial=nothing,
    )


def _mirror(center: np.ndarray, other: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return for every directed edge the index of the one that leads back."""
    there = np.lexsort((*cells.T, other, center))
    back = np.lexsort((*-cells.T, center, other))
    mirror = np.empty(len(center), int)
    mirror[there] = back
    return mirror


def widen(one: Geometry, width: int) -> Geometry:
    """Return a geometry with (at least) so many neighbour slots an atom."""
    n, old = one.neighbor.shape
    more = width - old
    if more <= 0:
        return one

    def moved(slots: torch.Tensor) -> torch.Tensor:
        return slots.div(old, rounding_mode="floor") * width + slots % old

    own = torch.arange(n * width, device=one.pair.device).view(n, width)
    reverse = own.clone()
    reverse[:, :old] = moved(one.reverse).view(n, old)
    padded = one.vectors[:, :1].expand(n, more, 3)
    return replace(
        one,
        neighbor=nn.pad(one.neighbor, (0, more)),
        pair=nn.pad(one.pair.view(n, old), (0, more), value=-1).flatten(),
        reverse=reverse.flatten(),
        slots=moved(one.slots),
        vectors=torch.cat([one.vectors, padded], dim=1),
        angular=nn.pad(one.angular, (0, 0, 0, more)),
        angular_slope=nn.pad(one.angular_slope, (0, 0, 0, 0, 0, more)),
    )


def join(geometries: Sequence[Geometry]) -> Geometry:
    """Return several structures as one batch.

    A last pair is added to which the slots that stand for nobody belong: its radial functions are zero.
    """
    width = max(one.neighbor.shape[1] for one in geometries)
    wide = [widen(one, width) for one in geometries]
    joined = {}
    offsets = {"neighbor": 0, "pair": 0, "reverse": 0, "slots": 0}
    parts: dict[str, list[torch.Tensor]] = {field.name: [] for field in fields(Geometry)}
    total = sum(one.radial.shape[1] for one in wide)
    for one in wide:
        for name, values in parts.items():
            value = getattr(one, name)
            if name == "pair":
                value = torch.where(value < 0, total, value + offsets[name])
            elif name in offsets:
                value = value + offsets[name]
            values.append(value)
        atoms = one.neighbor.shape[0]
        offsets["neighbor"] += atoms
        offsets["pair"] += one.radial.shape[1]
        offsets["reverse"] = offsets["slots"] = offsets["neighbor"] * width
    for name, values in parts.items():
        joined[name] = torch.cat(values, dim=1 if name in ("slots", "radial") else 0)
    joined["slots"] = nn.pad(joined["slots"], (0, 1))
    joined["radial"] = nn.pad(joined["radial"], (0, 0, 0, 1))
    return Geometry(**joined)
