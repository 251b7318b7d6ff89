"""One layer of MACE: forward from hidden features, and back for the derivatives of the energy."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as nn

from al_core.config.training import Architecture
from al_core.models.engine.e3 import silu_factor
from al_core.models.engine.gather_scatter import GatherScatter, Species, matmul
from al_core.models.engine.geometry import Geometry
from al_core.models.engine.products import polynomials
from al_core.models.engine.radial import radial_network

Path = tuple[int, int, int]
"""Degrees of what comes in, of the harmonic and of the message."""


@dataclass(frozen=True)
class Constants:
    """What of a network no weight changes.

    Attributes:
        channels, l_max, order: of the architecture; order is the correlation.
        couplings: (layer, degree) to the symmetric coupling tensors of order 1, 2, ..., [n_paths, ...] each.
        clebsch: couplings of incoming vectors, [3, harmonics, messages], path after path.
    """

    channels: int
    l_max: int
    order: int
    couplings: Mapping[tuple[int, int], list[torch.Tensor]]
    clebsch: torch.Tensor


@dataclass(frozen=True)
class EvaluationContext:
    """What all layers of one evaluation read.

    Attributes:
        constants: of the network.
        weights: stacks [K, ...].
        geometry: of the batch.
        gather_scatter, species: what moves values on it, and which atom is of which element.
        angular_of: for incoming scalars and vectors, harmonics coupled to messages, [K * N, S * m, messages].
    """

    constants: Constants
    weights: Mapping[str, torch.Tensor]
    geometry: Geometry
    gather_scatter: GatherScatter
    species: Species
    angular_of: Mapping[int, torch.Tensor]


@dataclass(frozen=True)
class Layer:
    """The shape of a layer.

    Attributes:
        number: its index in the network.
        degrees, out: of what comes in and of what goes out.
        paths: in mace's order.
        residual: whether what comes in is added to what goes out.
    """

    number: int
    degrees: tuple[int, ...]
    out: tuple[int, ...]
    paths: tuple[Path, ...]
    residual: bool


def contraction(layer: int, index: int) -> str:
    """Return the name of a symmetric contraction in mace's state dict."""
    return f"products.{layer}.symmetric_contractions.contractions.{index}"


def layers_of(architecture: Architecture) -> list[Layer]:
    """Return the layers of an architecture."""
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
        ]
        paths = tuple(sorted(found, key=lambda path: path[2]))
        layers.append(Layer(number, degrees, (0,) if number == last else hidden, paths, number > 0))
    return layers


class Step:
    """One layer within a pass; keeps what the backward pass needs."""

    def __init__(self, context: EvaluationContext, layer: Layer) -> None:
        self.context, self.layer = context, layer
        self.channels = context.constants.channels
        self.members = len(context.weights["scale_shift.scale"])
        self.atoms, self.width = context.geometry.neighbor.shape
        self.name = f"interactions.{layer.number}"
        self.first = layer.number == 0
        self._by_degree = {l1: [path for path in layer.paths if path[0] == l1] for l1 in layer.degrees}

    def _matrices(self, name: str, *shape: int) -> torch.Tensor:
        return self.context.weights[name].view(self.members, -1, *shape)

    def forward(self, hidden: dict[int, torch.Tensor]) -> dict[int, torch.Tensor]:
        """Return the layer's outcome {degree: [K, N, 2 degree + 1, C]}."""
        c, count = self.channels, self.context.species.count
        up = self._matrices(f"{self.name}.linear_up.weight", c, c) / math.sqrt(c)
        self.up = {degree: up[:, index] for index, degree in enumerate(self.layer.degrees)}
        lifted = {degree: matmul(x, self.up[degree]) for degree, x in hidden.items()}
        self._set_radial(lifted[0] if self.first and count == 1 else None)
        messages = self._messages(lifted)
        self.mix = self._mixing()
        mixed = [
            self.context.species.matmul(messages[l3], self.mix[l3])
            if self.first
            else matmul(messages[l3], self.mix[l3])
            for l3 in range(self.context.constants.l_max + 1)
        ]
        outcome = self._product(torch.cat(mixed, dim=2))
        if self.layer.residual:
            skip = self._matrices(f"{self.name}.skip_tp.weight", c, count, c).transpose(2, 3) / math.sqrt(c * count)
            skipping = [degree for degree in self.layer.degrees if degree in self.layer.out]
            self.skip = {degree: skip[:, index] for index, degree in enumerate(skipping)}
            for degree, matrices in self.skip.items():
                outcome[degree] = outcome[degree] + self.context.species.matmul(hidden[degree], matrices)
        return outcome

    def _set_radial(self, constant: torch.Tensor | None) -> None:
        """Set the radial weights of every pair and slot, paths of incoming scalars first.

        Where all atoms bring the same (one element, first layer), what they bring is multiplied in here.
        """
        weights: list[torch.Tensor] = []
        name = f"{self.name}.conv_tp_weights.layer"
        while f"{name}{len(weights)}.weight" in self.context.weights:
            number = len(weights)
            weight = self.context.weights[f"{name}{number}.weight"]
            weights.append(weight * ((silu_factor() if number else 1.0) / math.sqrt(weight.shape[1])))
        last = weights[-1].view(self.members, -1, len(self.layer.paths), self.channels)
        order = [self.layer.paths.index(path) for l1 in self.layer.degrees for path in self._by_degree[l1]]
        if order != sorted(order):
            last = last[:, :, order]
        if constant is not None:
            last = last * constant.view(self.members, 1, 1, self.channels)
        weights[-1] = last.flatten(2)
        values, self.radial_slope = radial_network(self.context.geometry.radial.flatten(0, 1), weights)
        slots = self.context.gather_scatter.to_slots(values).view(
            self.members, self.atoms, self.width, -1, self.channels
        )
        counts = [len(paths) for paths in self._by_degree.values()]
        parts = [slots] if len(counts) == 1 else slots.split(counts, dim=3)
        self.radial = dict(zip(self._by_degree, parts, strict=True))  # {degree: [K, N, S, paths, C]}
        self.constant = constant is not None

    def _messages(self, lifted: dict[int, torch.Tensor]) -> list[torch.Tensor]:
        """Return, for every degree, the sums over neighbours [K, N, 2 degree + 1, paths * C]."""
        blocks: dict[Path, torch.Tensor] = {}
        self.neighbor: dict[int, torch.Tensor] = {}
        self.weighted: dict[int, torch.Tensor] = {}
        for l1, paths in self._by_degree.items():
            radial = self.radial[l1].unsqueeze(3)
            if not self.constant:
                x = lifted[l1].expand(self.members, self.atoms, 2 * l1 + 1, self.channels).flatten(2)
                there = self.context.gather_scatter.to_neighbors(x)
                self.neighbor[l1] = there.view(self.members, self.atoms, self.width, 2 * l1 + 1, 1, self.channels)
                radial = radial * self.neighbor[l1]
            rows = radial.reshape(self.members * self.atoms, -1, len(paths) * self.channels)
            self.weighted[l1] = rows
            every = torch.bmm(self.context.angular_of[l1].mT, rows)
            top = 0
            for index, path in enumerate(paths):
                size = 2 * path[2] + 1
                left = index * self.channels
                blocks[path] = every[:, top : top + size, left : left + self.channels]
                top += size
        return [
            torch.cat([blocks[path] for path in self.layer.paths if path[2] == l3], dim=-1).view(
                self.members, self.atoms, 2 * l3 + 1, -1
            )
            for l3 in range(self.context.constants.l_max + 1)
        ]

    def _mixing(self) -> list[torch.Tensor]:
        """Return, for every degree, the matrices [K, paths * C, C], or [K, Z, C, C] in the first layer."""
        c, count = self.channels, self.context.species.count
        linear = self._matrices(f"{self.name}.linear.weight", c, c)
        neighbors = self.context.weights["avg_num_neighbors"].view(-1, 1, 1)
        mix, start = [], 0
        for l3 in range(self.context.constants.l_max + 1):
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
        values, self.gradient = self.context.species.apply(
            lambda one, part: polynomials(part, self._tensors(one)), -1, columns
        )
        values = values.view(members, c, -1, atoms).permute(0, 3, 2, 1)
        linear = self._matrices(f"products.{self.layer.number}.linear.weight", c, c) / math.sqrt(c)
        self.linear = {degree: linear[:, index] for index, degree in enumerate(self.layer.out)}
        return {
            degree: matmul(values[:, :, degree**2 : (degree + 1) ** 2], self.linear[degree])
            for degree in self.layer.out
        }

    def _tensors(self, element: int) -> list[torch.Tensor]:
        """Return the coupling tensors T1, T2, T3 of one element, contracted with its weights."""
        constants = self.context.constants
        size = (constants.l_max + 1) ** 2
        tensors = []
        for order in range(1, constants.order + 1):
            parts = []
            for index, degree in enumerate(self.layer.out):
                which = "weights_max" if order == constants.order else f"weights.{constants.order - 1 - order}"
                weights = self.context.weights[f"{contraction(self.layer.number, index)}.{which}"][:, element]
                coupling = constants.couplings[self.layer.number, degree][order - 1]
                rows = torch.matmul(weights.mT, coupling)  # [K, C, m I times what follows]
                parts.append(rows.view(self.members * self.channels, (2 * degree + 1) * size, -1))
            tensors.append(torch.cat(parts, dim=1) if len(parts) > 1 else parts[0])
        return tensors

    def backward(self, slopes: dict[int, torch.Tensor]) -> dict[int, torch.Tensor]:
        """Return dE/d(what came in) from dE/d(outcome); set those by the distances of pairs and the harmonics."""
        members, atoms, c = self.members, self.atoms, self.channels
        before = [matmul(slopes[degree], self.linear[degree].mT) for degree in self.layer.out]
        rows = torch.cat(before, dim=2).permute(0, 3, 2, 1).reshape(members * c, -1, 1, atoms)
        columns = (rows * self.gradient).sum(1)
        x = columns.view(members, c, -1, atoms).permute(0, 3, 2, 1)
        blocks: dict[Path, torch.Tensor] = {}
        for l3 in range(self.context.constants.l_max + 1):
            part = x[:, :, l3**2 : (l3 + 1) ** 2]
            part = self.context.species.matmul(part, self.mix[l3].mT) if self.first else matmul(part, self.mix[l3].mT)
            paths = [path for path in self.layer.paths if path[2] == l3]
            blocks |= zip(paths, part.split(c, dim=-1), strict=True)
        incoming = self._through_messages(blocks)
        if self.first:
            return {}
        for degree in incoming:
            incoming[degree] = matmul(incoming[degree], self.up[degree].mT)
            if degree in self.skip:
                back = self.context.species.matmul(slopes[degree], self.skip[degree].mT)
                incoming[degree] = incoming[degree] + back
        return incoming

    def _through_messages(self, blocks: dict[Path, torch.Tensor]) -> dict[int, torch.Tensor]:
        members, atoms, width, c = self.members, self.atoms, self.width, self.channels
        incoming: dict[int, torch.Tensor] = {}
        radial_slopes, angular_slopes = [], []
        for l1, paths in self._by_degree.items():
            padded = [
                nn.pad(blocks[path].reshape(members * atoms, -1, c), (index * c, (len(paths) - 1 - index) * c))
                for index, path in enumerate(paths)
            ]
            every = torch.cat(padded, dim=1)
            edge = torch.bmm(self.context.angular_of[l1], every).view(members, atoms, width, 2 * l1 + 1, len(paths), c)
            angular = torch.bmm(self.weighted[l1], every.mT)
            if l1 == 1:
                clebsch = self.context.constants.clebsch.transpose(1, 2).flatten(0, 1)
                angular = torch.matmul(angular.view(members * atoms, width, -1), clebsch)
            angular_slopes.append(angular)
            if self.constant:
                radial_slopes.append(edge.view(members, atoms * width, -1))
                continue
            if not self.first:
                there = (edge * self.radial[l1].unsqueeze(3)).sum(4)
                incoming[l1] = self.context.gather_scatter.from_neighbors(there.view(members, atoms * width, -1)).view(
                    members, atoms, 2 * l1 + 1, c
                )
            slope = edge * self.neighbor[l1]
            slope = slope.sum(3) if l1 else slope.squeeze(3)
            radial_slopes.append(slope.view(members, atoms * width, -1))
        self.angular_slope = torch.stack(angular_slopes).sum(0) if len(angular_slopes) > 1 else angular_slopes[0]
        slope = radial_slopes[0] if len(radial_slopes) == 1 else torch.cat(radial_slopes, dim=-1)
        self.distance_slope = (self.context.gather_scatter.to_pairs(slope) * self.radial_slope).sum(-1)
        return incoming
