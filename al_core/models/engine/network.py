"""Energies and forces of stacked MACE models; forces are written down, so training differentiates once, not twice."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from ase import Atoms

from al_core.config.training import Architecture
from al_core.models.engine.e3 import coupling, silu_factor
from al_core.models.engine.gather_scatter import GatherScatter, Species, matmul
from al_core.models.engine.geometry import Basis, Geometry, geometries, join
from al_core.models.engine.layer import Constants, EvaluationContext, Path, Step, contraction, layers_of
from al_core.models.engine.products import symmetric

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


class Network:
    """The function that mace's modules of one architecture compute.

    Args:
        architecture: max_L 0 or 1, correlation up to 3.
        state: a state dict of mace's modules of this architecture, for what is not trained: couplings, basis.
        dtype, device: of what is computed.
    """

    def __init__(self, architecture: Architecture, state: Weights, dtype: torch.dtype, device: torch.device) -> None:
        self._dtype, self._device = dtype, device
        self.layers = layers_of(architecture)
        couplings = {
            (layer.number, degree): [
                symmetric(state[f"{contraction(layer.number, index)}.U_matrix_{order}"].double(), order, degree > 0)
                .flatten(1)
                .to(device, dtype)
                for order in range(1, architecture.correlation + 1)
            ]
            for layer in self.layers
            for index, degree in enumerate(layer.out)
        }
        clebsch = _clebsch_gordan(self.layers[-1].paths, architecture.l_max).to(device, dtype)
        self.constants = Constants(
            architecture.channels, architecture.l_max, architecture.correlation, couplings, clebsch
        )
        self.basis = read_basis(state, architecture.l_max)

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
        return _Evaluation(self, weights, batch).run()

    def descriptors(self, weights: Weights, batch: Geometry) -> torch.Tensor:
        """Return the scalars that the last layer knows of each atom, [K, N, channels]; arguments as of a call."""
        return _Evaluation(self, weights, batch).scalars()


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


def _clebsch_gordan(paths: Sequence[Path], l_max: int) -> torch.Tensor:
    """Return [3, harmonics, messages] for the paths of incoming vectors, one after the other."""
    columns = [torch.zeros(3, (l_max + 1) ** 2, 0, dtype=torch.float64)]
    for l1, l2, l3 in paths:
        if l1 == 1:
            block = torch.zeros(3, (l_max + 1) ** 2, 2 * l3 + 1, dtype=torch.float64)
            factor = math.sqrt(2 * l3 + 1)
            block[:, l2**2 : (l2 + 1) ** 2] = factor * coupling(l2, l3)
            columns.append(block)
    return torch.cat(columns, dim=-1)


class _Evaluation:
    """One evaluation: forward through the layers, then back for the derivatives of the energy."""

    def __init__(self, network: Network, weights: Weights, geometry: Geometry) -> None:
        self.constants, self.layers = network.constants, network.layers
        self.weights, self.geometry = weights, geometry
        self.members = len(weights["scale_shift.scale"])
        self.atoms, self.width = geometry.neighbor.shape
        self.gather_scatter = GatherScatter(geometry)
        self.species = Species(geometry.species, len(network.basis.numbers))

    def _context(self) -> EvaluationContext:
        angular_of = {0: self._stacked(self.geometry.angular)}
        if self.constants.clebsch.shape[2]:
            vectors = torch.einsum("nsy,aym->nsam", self.geometry.angular, self.constants.clebsch).flatten(1, 2)
            angular_of[1] = self._stacked(vectors)
        return EvaluationContext(
            self.constants, self.weights, self.geometry, self.gather_scatter, self.species, angular_of
        )

    def _stacked(self, x: torch.Tensor) -> torch.Tensor:
        return x.expand(self.members, *x.shape).flatten(0, 1)

    def run(self) -> Output:
        scale = self.weights["scale_shift.scale"]
        hidden = self._embedding()
        context = self._context()
        steps = [Step(context, layer) for layer in self.layers]
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

    def scalars(self) -> torch.Tensor:
        hidden, context = self._embedding(), self._context()
        for layer in self.layers:
            hidden = Step(context, layer).forward(hidden)
        return hidden[0].reshape(self.members, self.atoms, -1)

    def _embedding(self) -> dict[int, torch.Tensor]:
        count = self.species.count
        table = self.weights["node_embedding.linear.weight"].view(self.members, count, 1, -1) / math.sqrt(count)
        return {0: table if count == 1 else table.index_select(1, self.geometry.species)}

    def _readout(self, number: int, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return each atom's energy [K, N] and its derivative by the scalars [K, N or 1, 1, C]."""
        name, channels = f"readouts.{number}", self.constants.channels
        if number == 0 or number < len(self.layers) - 1:  # a layer that is first and last is read linearly
            linear = self.weights[f"{name}.linear.weight"].view(self.members, channels, 1) / math.sqrt(channels)
            return matmul(x, linear).flatten(1), linear.mT.unsqueeze(1)
        first = self.weights[f"{name}.linear_1.weight"].view(self.members, channels, -1) / math.sqrt(channels)
        width = first.shape[-1]
        second = self.weights[f"{name}.linear_2.weight"].view(self.members, width, 1)
        second = second * (silu_factor() / math.sqrt(width))
        inner = matmul(x, first)
        gate = torch.sigmoid(inner)
        opening = gate * (1 + inner * (1 - gate))
        return matmul(inner * gate, second).flatten(1), matmul(opening * second.mT.unsqueeze(1), first.mT)

    def _assemble(self, energy: torch.Tensor, along: torch.Tensor, across: torch.Tensor) -> Output:
        geometry, members = self.geometry, self.members
        across = across.view(members, self.atoms, self.width, -1)
        pull = torch.einsum("knsy,nsya->knsa", across, geometry.angular_slope)
        unit = geometry.vectors / geometry.vectors.norm(dim=-1, keepdim=True)
        along = self.gather_scatter.to_slots(along.unsqueeze(-1)).view(members, self.atoms, self.width, 1)
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
