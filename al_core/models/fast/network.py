"""Energies and forces of stacked MACE models; forces are written down, so training differentiates once, not twice."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as nn
from ase import Atoms

from al_core.config import Architecture
from al_core.models.fast.geometry import Basis, Geometry, geometries, join
from al_core.models.fast.products import polynomials, symmetric
from al_core.models.fast.radial import radial_network
from al_core.models.mace import SILU_FACTOR, o3

Weights = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Output:
    """What K models say of B structures of N atoms together.

    Attributes:
        energies: [K, B], eV; without the atomic energies.
        forces: [K, N, 3], eV/Å.
        stresses: [K, B, 3, 3], eV/Å^3, positive under tension; zero where there is no volume.
    """

    energies: torch.Tensor
    forces: torch.Tensor
    stresses: torch.Tensor


@dataclass(frozen=True)
class _Layer:
    number: int
    degrees: tuple[int, ...]  # of what comes in
    out: tuple[int, ...]  # of what goes out
    paths: tuple[tuple[int, int, int], ...]  # (incoming, harmonic, message) in mace's order
    residual: bool


class Network:
    """The function that mace's modules of one architecture compute.

    Args:
        architecture: max_L 0 or 1, correlation up to 3.
        state: a state dict of mace's modules of this architecture, for what is not trained: couplings, basis.
        dtype, device: of what is computed.
    """

    def __init__(self, architecture: Architecture, state: Weights, dtype: torch.dtype, device: torch.device) -> None:
        self._dtype, self._device = dtype, device
        self.channels, self.l_max = architecture.channels, architecture.l_max
        self.layers = _layers(architecture)
        self.order = architecture.correlation
        self._couplings = {
            (layer.number, degree): [
                symmetric(state[f"{_contraction(layer.number, place)}.U_matrix_{order}"].double(), order, degree > 0)
                .flatten(1)
                .to(device, dtype)
                for order in range(1, self.order + 1)
            ]
            for layer in self.layers
            for place, degree in enumerate(layer.out)
        }
        self._clebsch = _clebsch_gordan(self.layers[-1].paths, self.l_max).to(device, dtype)
        self.basis = read_basis(state, self.l_max)

    def prepare(self, structures: Sequence[Atoms]) -> list[Geometry]:
        """Return what the network reads of each structure."""
        return geometries(structures, self.basis, self._dtype, self._device)

    def join(self, prepared: Sequence[Geometry]) -> Geometry:
        """Return several structures as one batch."""
        return join(prepared)

    def __call__(self, weights: Weights, batch: Geometry) -> Output:
        """Return energies, forces and stresses.

        Args:
            weights: stacks [K, ...] of mace's parameters and of the scale, shift and neighbour number of each model.
            batch: as :meth:`join` returns it.
        """
        return _Pass(self, weights, batch).run()


def read_basis(state: Weights, l_max: int) -> Basis:
    """Return the fixed functions of a model from its state dict."""
    embedding = "radial_embedding"
    return Basis(
        numbers=tuple(int(number) for number in state["atomic_numbers"]),
        r_max=state[f"{embedding}.cutoff_fn.r_max"].double().cpu(),
        frequencies=state[f"{embedding}.bessel_fn.bessel_weights"].double().cpu(),
        prefactor=state[f"{embedding}.bessel_fn.prefactor"].double().cpu(),
        power=int(state[f"{embedding}.cutoff_fn.p"]),
        l_max=l_max,
    )


def _contraction(layer: int, place: int) -> str:
    return f"products.{layer}.symmetric_contractions.contractions.{place}"


def _layers(architecture: Architecture) -> list[_Layer]:
    hidden = tuple(range(architecture.max_L + 1))
    last = architecture.layers - 1
    layers = []
    for number in range(architecture.layers):
        degrees = (0,) if number == 0 else hidden
        found = [
            (l1, l2, l3)
            for l1 in degrees
            for l2 in range(architecture.l_max + 1)
            for l3 in range(abs(l1 - l2), min(l1 + l2, architecture.l_max) + 1, 2)  # natural parity only
            if (l1 + l2 + l3) % 2 == 0
        ]
        paths = tuple(sorted(found, key=lambda path: path[2]))
        layers.append(_Layer(number, degrees, (0,) if number == last else hidden, paths, number > 0))
    return layers


def _clebsch_gordan(paths: Sequence[tuple[int, int, int]], l_max: int) -> torch.Tensor:
    """Return [3, harmonics, messages] for the paths of incoming vectors, one after the other."""
    columns = [torch.zeros(3, (l_max + 1) ** 2, 0, dtype=torch.float64)]
    for l1, l2, l3 in paths:
        if l1 == 1:
            block = torch.zeros(3, (l_max + 1) ** 2, 2 * l3 + 1, dtype=torch.float64)
            factor = math.sqrt(2 * l3 + 1)
            block[:, l2**2 : (l2 + 1) ** 2] = factor * o3.wigner_3j(1, l2, l3, dtype=torch.float64)
            columns.append(block)
    return torch.cat(columns, dim=-1)


class _Linear(torch.autograd.Function):
    """A linear map given together with its transpose, so that neither direction scatters."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, there: Callable[..., torch.Tensor], back: Callable[..., torch.Tensor]
    ) -> torch.Tensor:
        ctx.back = back
        return there(x)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        return ctx.back(gradient), None, None


def _moved(x: torch.Tensor, there: Callable[..., torch.Tensor], back: Callable[..., torch.Tensor]) -> torch.Tensor:
    moved: torch.Tensor = _Linear.apply(x, there, back)  # type: ignore[no-untyped-call]
    return moved


class _Moves:
    """Moving values [K, ..., D] between pairs, slots and atoms of a geometry."""

    def __init__(self, geometry: Geometry) -> None:
        self._pair, self._slots, self._reverse = geometry.pair, geometry.slots, geometry.reverse
        self._neighbor, self._shape = geometry.neighbor.flatten(), geometry.neighbor.shape

    def _to_slots(self, x: torch.Tensor) -> torch.Tensor:
        return x.index_select(1, self._pair)

    def _to_pairs(self, x: torch.Tensor) -> torch.Tensor:
        return x.index_select(1, self._slots[0]).add_(x.index_select(1, self._slots[1]))

    def _to_neighbors(self, x: torch.Tensor) -> torch.Tensor:
        return x.index_select(1, self._neighbor)

    def _from_neighbors(self, x: torch.Tensor) -> torch.Tensor:
        return x.index_select(1, self._reverse).view(x.shape[0], *self._shape, x.shape[2]).sum(2)

    def to_slots(self, x: torch.Tensor) -> torch.Tensor:
        """Give both slots of a pair its value."""
        return _moved(x, self._to_slots, self._to_pairs)

    def to_pairs(self, x: torch.Tensor) -> torch.Tensor:
        """Give a pair the sum of its slots."""
        return _moved(x, self._to_pairs, self._to_slots)

    def to_neighbors(self, x: torch.Tensor) -> torch.Tensor:
        """Give every slot the value of the atom in it."""
        return _moved(x, self._to_neighbors, self._from_neighbors)

    def from_neighbors(self, x: torch.Tensor) -> torch.Tensor:
        """Give every atom the sum of the slots it stands in."""
        return _moved(x, self._from_neighbors, self._to_neighbors)


class _Species:
    """Matrices that differ by the element of an atom."""

    def __init__(self, species: torch.Tensor, count: int) -> None:
        self.count = count
        if count > 1:
            self._atoms = [torch.nonzero(species == one).flatten() for one in range(count)]
            self._back = torch.argsort(torch.cat(self._atoms))

    def apply(self, function: Callable[..., Any], dim: int, *values: torch.Tensor) -> Any:
        """Call function(element, values of its atoms) for every element; put the results in the atoms' order."""
        if self.count == 1:
            return function(0, *values)
        parts = [
            function(one, *(value.index_select(dim, atoms) for value in values))
            for one, atoms in enumerate(self._atoms)
            if len(atoms)
        ]
        if isinstance(parts[0], tuple):
            return tuple(torch.cat(part, dim=dim).index_select(dim, self._back) for part in zip(*parts, strict=True))
        return torch.cat(parts, dim=dim).index_select(dim, self._back)

    def matmul(self, x: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
        """Return x [K, N, m, C] times the matrix [K, Z, C, D] of each atom's element."""
        found: torch.Tensor = self.apply(lambda one, part: _matmul(part, matrices[:, one]), 1, x)
        return found


def _matmul(x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Return x [K, N, m, C] times matrix [K, C, D]."""
    members, atoms, components, _ = x.shape
    return torch.bmm(x.reshape(members, atoms * components, -1), matrix).view(members, atoms, components, -1)


class _Pass:
    """One evaluation: forward through the layers, then back for the derivatives of the energy."""

    def __init__(self, network: Network, weights: Weights, geometry: Geometry) -> None:
        self.net, self.weights, self.geometry = network, weights, geometry
        self.members = len(weights["scale_shift.scale"])
        self.atoms, self.width = geometry.neighbor.shape
        self.moves = _Moves(geometry)
        self.species = _Species(geometry.species, len(network.basis.numbers))
        self.angular_of = {0: self._stacked(geometry.angular)}
        if network._clebsch.shape[2]:
            vectors = torch.einsum("nsy,aym->nsam", geometry.angular, network._clebsch).flatten(1, 2)
            self.angular_of[1] = self._stacked(vectors)

    def _stacked(self, x: torch.Tensor) -> torch.Tensor:
        return x.expand(self.members, *x.shape).flatten(0, 1)

    def run(self) -> Output:
        scale = self.weights["scale_shift.scale"]
        hidden = self._embedding()
        steps = [_Step(self, layer) for layer in self.net.layers]
        energy = torch.zeros((), dtype=scale.dtype, device=scale.device)
        readouts = []
        for step in steps:
            hidden = step.forward(hidden)
            value, slope = self._readout(step.layer.number, hidden[0])
            energy = energy + value
            readouts.append(slope * scale.view(-1, 1, 1, 1))
        energy = energy * scale.view(-1, 1) + self.weights["scale_shift.shift"].view(-1, 1)

        slopes: dict[int, torch.Tensor] = {}
        for step, readout in zip(reversed(steps), reversed(readouts), strict=True):
            slopes[0] = slopes[0] + readout if slopes else readout.expand(self.members, self.atoms, 1, -1)
            slopes = step.backward(slopes)
        along = sum(step.distance_slope for step in steps)
        across = sum(step.angular_slope for step in steps)
        return self._assemble(energy, torch.as_tensor(along), torch.as_tensor(across))

    def _embedding(self) -> dict[int, torch.Tensor]:
        count = self.species.count
        table = self.weights["node_embedding.linear.weight"].view(self.members, count, 1, -1) / math.sqrt(count)
        return {0: table if count == 1 else table.index_select(1, self.geometry.species)}

    def _readout(self, number: int, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return each atom's energy [K, N] and its derivative by the scalars [K, N or 1, 1, C]."""
        name, channels = f"readouts.{number}", self.net.channels
        if number == 0 or number < len(self.net.layers) - 1:  # a layer that is first and last is read linearly
            linear = self.weights[f"{name}.linear.weight"].view(self.members, channels, 1) / math.sqrt(channels)
            return _matmul(x, linear).flatten(1), linear.mT.unsqueeze(1)
        first = self.weights[f"{name}.linear_1.weight"].view(self.members, channels, -1) / math.sqrt(channels)
        width = first.shape[-1]
        second = self.weights[f"{name}.linear_2.weight"].view(self.members, width, 1) * (SILU_FACTOR / math.sqrt(width))
        inner = _matmul(x, first)
        gate = torch.sigmoid(inner)
        opening = gate * (1 + inner * (1 - gate))
        return _matmul(inner * gate, second).flatten(1), _matmul(opening * second.mT.unsqueeze(1), first.mT)

    def _assemble(self, energy: torch.Tensor, along: torch.Tensor, across: torch.Tensor) -> Output:
        geometry, members = self.geometry, self.members
        across = across.view(members, self.atoms, self.width, -1)
        pull = torch.einsum("knsy,nsya->knsa", across, geometry.angular_slope)
        unit = geometry.vectors / geometry.vectors.norm(dim=-1, keepdim=True)
        along = self.moves.to_slots(along.unsqueeze(-1)).view(members, self.atoms, self.width, 1)
        back = pull.flatten(1, 2).index_select(1, geometry.reverse).view(pull.shape)
        pull = pull - back + along * unit  # dE/d(vector), both slots of a pair together
        virial = torch.einsum("knsa,nsb->knab", pull, geometry.vectors).flatten(2) / 2
        sizes = geometry.sizes.tolist()
        volumes = geometry.volumes.view(1, -1, 1, 1)
        virial = _per_structure(virial, sizes).view(members, -1, 3, 3)
        virial = (virial + virial.mT) / 2
        stresses = torch.where(volumes > 0, virial / volumes.clamp(min=1e-30), 0.0)
        return Output(_per_structure(energy.unsqueeze(-1), sizes).squeeze(-1), -pull.sum(2), stresses)


def _per_structure(x: torch.Tensor, sizes: list[int]) -> torch.Tensor:
    """Return the sums [K, B, D] of atoms' values [K, N, D]."""
    if len(set(sizes)) == 1:
        return x.view(x.shape[0], len(sizes), sizes[0], x.shape[2]).sum(2)
    return torch.stack([part.sum(1) for part in x.split(sizes, dim=1)], dim=1)


class _Step:
    """One layer within a pass; keeps what its way back needs."""

    def __init__(self, ahead: _Pass, layer: _Layer) -> None:
        self.all, self.layer = ahead, layer
        self.channels = ahead.net.channels
        self.members, self.atoms, self.width = ahead.members, ahead.atoms, ahead.width
        self.name = f"interactions.{layer.number}"
        self.first = layer.number == 0
        self._by_degree = {l1: [path for path in layer.paths if path[0] == l1] for l1 in layer.degrees}

    def _matrices(self, name: str, *shape: int) -> torch.Tensor:
        return self.all.weights[name].view(self.members, -1, *shape)

    def forward(self, hidden: dict[int, torch.Tensor]) -> dict[int, torch.Tensor]:
        """Return the layer's outcome {degree: [K, N, 2 degree + 1, C]}."""
        c, count = self.channels, self.all.species.count
        up = self._matrices(f"{self.name}.linear_up.weight", c, c) / math.sqrt(c)
        self.up = {degree: up[:, place] for place, degree in enumerate(self.layer.degrees)}
        lifted = {degree: _matmul(x, self.up[degree]) for degree, x in hidden.items()}
        self._set_radial(lifted[0] if self.first and count == 1 else None)
        messages = self._messages(lifted)
        self.mix = self._mixing()
        mixed = [
            self.all.species.matmul(messages[l3], self.mix[l3]) if self.first else _matmul(messages[l3], self.mix[l3])
            for l3 in range(self.all.net.l_max + 1)
        ]
        outcome = self._product(torch.cat(mixed, dim=2))
        if self.layer.residual:
            skip = self._matrices(f"{self.name}.skip_tp.weight", c, count, c).transpose(2, 3) / math.sqrt(c * count)
            kept = [degree for degree in self.layer.degrees if degree in self.layer.out]
            self.skip = {degree: skip[:, place] for place, degree in enumerate(kept)}
            for degree, matrices in self.skip.items():
                outcome[degree] = outcome[degree] + self.all.species.matmul(hidden[degree], matrices)
        return outcome

    def _set_radial(self, constant: torch.Tensor | None) -> None:
        """Set the radial weights of every pair and slot, paths of incoming scalars first.

        Where all atoms bring the same (one element, first layer), what they bring is multiplied in here.
        """
        weights: list[torch.Tensor] = []
        name = f"{self.name}.conv_tp_weights.layer"
        while f"{name}{len(weights)}.weight" in self.all.weights:
            number = len(weights)
            weight = self.all.weights[f"{name}{number}.weight"]
            weights.append(weight * ((SILU_FACTOR if number else 1.0) / math.sqrt(weight.shape[1])))
        last = weights[-1].view(self.members, -1, len(self.layer.paths), self.channels)
        order = [self.layer.paths.index(path) for l1 in self.layer.degrees for path in self._by_degree[l1]]
        if order != sorted(order):
            last = last[:, :, order]
        if constant is not None:
            last = last * constant.view(self.members, 1, 1, self.channels)
        weights[-1] = last.flatten(2)
        values, self.radial_slope = radial_network(self.all.geometry.radial.flatten(0, 1), weights)
        slots = self.all.moves.to_slots(values).view(self.members, self.atoms, self.width, -1, self.channels)
        counts = [len(paths) for paths in self._by_degree.values()]
        parts = [slots] if len(counts) == 1 else slots.split(counts, dim=3)
        self.radial = dict(zip(self._by_degree, parts, strict=True))  # {degree: [K, N, S, paths, C]}
        self.constant = constant is not None

    def _messages(self, lifted: dict[int, torch.Tensor]) -> list[torch.Tensor]:
        """Return, for every degree, the sums over neighbours [K, N, 2 degree + 1, paths * C]."""
        blocks: dict[tuple[int, int, int], torch.Tensor] = {}
        self.neighbor: dict[int, torch.Tensor] = {}
        self.weighted: dict[int, torch.Tensor] = {}
        for l1, paths in self._by_degree.items():
            radial = self.radial[l1].unsqueeze(3)
            if not self.constant:
                x = lifted[l1].expand(self.members, self.atoms, 2 * l1 + 1, self.channels).flatten(2)
                there = self.all.moves.to_neighbors(x)
                self.neighbor[l1] = there.view(self.members, self.atoms, self.width, 2 * l1 + 1, 1, self.channels)
                radial = radial * self.neighbor[l1]
            rows = radial.reshape(self.members * self.atoms, -1, len(paths) * self.channels)
            self.weighted[l1] = rows
            every = torch.bmm(self.all.angular_of[l1].mT, rows)
            top = 0
            for place, path in enumerate(paths):
                size = 2 * path[2] + 1
                left = place * self.channels
                blocks[path] = every[:, top : top + size, left : left + self.channels]
                top += size
        return [
            torch.cat([blocks[path] for path in self.layer.paths if path[2] == l3], dim=-1).view(
                self.members, self.atoms, 2 * l3 + 1, -1
            )
            for l3 in range(self.all.net.l_max + 1)
        ]

    def _mixing(self) -> list[torch.Tensor]:
        """Return, for every degree, the matrices [K, paths * C, C], or [K, Z, C, C] in the first layer."""
        c, count = self.channels, self.all.species.count
        linear = self._matrices(f"{self.name}.linear.weight", c, c)
        neighbors = self.all.weights["avg_num_neighbors"].view(-1, 1, 1)
        mix, start = [], 0
        for l3 in range(self.all.net.l_max + 1):
            paths = sum(path[2] == l3 for path in self.layer.paths)
            block = linear[:, start : start + paths].flatten(1, 2) / (neighbors * math.sqrt(paths * c))
            start += paths
            if self.first:
                skip = self._matrices(f"{self.name}.skip_tp.weight", c, count * c)[:, l3] / math.sqrt(c * count)
                block = torch.bmm(block, skip).view(self.members, c, count, c).transpose(1, 2)
            mix.append(block)
        return mix

    def _product(self, x: torch.Tensor) -> dict[int, torch.Tensor]:
        """Return the product basis [K, N, 2 degree + 1, C] of messages [K, N, M, C] after its linear layer."""
        members, atoms, size, c = x.shape
        columns = x.permute(0, 3, 2, 1).reshape(members * c, size, atoms)
        values, self.gradient = self.all.species.apply(
            lambda one, part: polynomials(part, self._tensors(one)), -1, columns
        )
        values = values.view(members, c, -1, atoms).permute(0, 3, 2, 1)
        linear = self._matrices(f"products.{self.layer.number}.linear.weight", c, c) / math.sqrt(c)
        self.linear = {degree: linear[:, place] for place, degree in enumerate(self.layer.out)}
        return {
            degree: _matmul(values[:, :, degree**2 : (degree + 1) ** 2], self.linear[degree])
            for degree in self.layer.out
        }

    def _tensors(self, element: int) -> list[torch.Tensor]:
        """Return the coupling tensors T1, T2, T3 of one element, contracted with its weights."""
        size = (self.all.net.l_max + 1) ** 2
        tensors = []
        for order in range(1, self.all.net.order + 1):
            parts = []
            for place, degree in enumerate(self.layer.out):
                which = "weights_max" if order == self.all.net.order else f"weights.{self.all.net.order - 1 - order}"
                weights = self.all.weights[f"{_contraction(self.layer.number, place)}.{which}"][:, element]
                coupling = self.all.net._couplings[self.layer.number, degree][order - 1]
                rows = torch.matmul(weights.mT, coupling)  # [K, C, m I times what follows]
                parts.append(rows.view(self.members * self.channels, (2 * degree + 1) * size, -1))
            tensors.append(torch.cat(parts, dim=1) if len(parts) > 1 else parts[0])
        return tensors

    def backward(self, slopes: dict[int, torch.Tensor]) -> dict[int, torch.Tensor]:
        """Return dE/d(what came in) from dE/d(outcome); set those by the distances of pairs and the harmonics."""
        members, atoms, c = self.members, self.atoms, self.channels
        before = [_matmul(slopes[degree], self.linear[degree].mT) for degree in self.layer.out]
        rows = torch.cat(before, dim=2).permute(0, 3, 2, 1).reshape(members * c, -1, 1, atoms)
        columns = (rows * self.gradient).sum(1)
        x = columns.view(members, c, -1, atoms).permute(0, 3, 2, 1)
        blocks: dict[tuple[int, int, int], torch.Tensor] = {}
        for l3 in range(self.all.net.l_max + 1):
            part = x[:, :, l3**2 : (l3 + 1) ** 2]
            part = self.all.species.matmul(part, self.mix[l3].mT) if self.first else _matmul(part, self.mix[l3].mT)
            paths = [path for path in self.layer.paths if path[2] == l3]
            blocks |= zip(paths, part.split(c, dim=-1), strict=True)
        incoming = self._through_messages(blocks)
        if self.first:
            return {}
        for degree in incoming:
            incoming[degree] = _matmul(incoming[degree], self.up[degree].mT)
            if degree in self.skip:
                back = self.all.species.matmul(slopes[degree], self.skip[degree].mT)
                incoming[degree] = incoming[degree] + back
        return incoming

    def _through_messages(self, blocks: dict[tuple[int, int, int], torch.Tensor]) -> dict[int, torch.Tensor]:
        members, atoms, width, c = self.members, self.atoms, self.width, self.channels
        incoming: dict[int, torch.Tensor] = {}
        radial_slopes, angular_slopes = [], []
        for l1, paths in self._by_degree.items():
            padded = [
                nn.pad(blocks[path].reshape(members * atoms, -1, c), (place * c, (len(paths) - 1 - place) * c))
                for place, path in enumerate(paths)
            ]
            every = torch.cat(padded, dim=1)
            edge = torch.bmm(self.all.angular_of[l1], every).view(members, atoms, width, 2 * l1 + 1, len(paths), c)
            angular = torch.bmm(self.weighted[l1], every.mT)
            if l1 == 1:
                clebsch = self.all.net._clebsch.transpose(1, 2).flatten(0, 1)
                angular = torch.matmul(angular.view(members * atoms, width, -1), clebsch)
            angular_slopes.append(angular)
            if self.constant:
                radial_slopes.append(edge.view(members, atoms * width, -1))
                continue
            if not self.first:
                there = (edge * self.radial[l1].unsqueeze(3)).sum(4)
                incoming[l1] = self.all.moves.from_neighbors(there.view(members, atoms * width, -1)).view(
                    members, atoms, 2 * l1 + 1, c
                )
            slope = edge * self.neighbor[l1]
            slope = slope.sum(3) if l1 else slope.squeeze(3)
            radial_slopes.append(slope.view(members, atoms * width, -1))
        self.angular_slope = torch.stack(angular_slopes).sum(0) if len(angular_slopes) > 1 else angular_slopes[0]
        slope = radial_slopes[0] if len(radial_slopes) == 1 else torch.cat(radial_slopes, dim=-1)
        self.distance_slope = (self.all.moves.to_pairs(slope) * self.radial_slope).sum(-1)
        return incoming
