"""The engine for architectures that are not regrouped: mace-torch's own modules, one member after the other."""

from collections.abc import Mapping, Sequence

import torch
from ase import Atoms

from al_core.models.bundle import Bundle
from al_core.models.engine.graphs import Graph, graph, join
from al_core.models.engine.mace import build, cutoff
from al_core.models.engine.network import Output

_READ = ("interaction_energy", "forces", "stress")


class StockNetwork:
    """What :class:`~al_core.models.engine.network.Network` computes, for any architecture, by differentiating twice."""

    def __init__(self, bundle: Bundle, dtype: torch.dtype, device: torch.device) -> None:
        self._bundle, self._dtype, self._device = bundle, dtype, device
        self._r_max = cutoff(build(bundle, dtype, device))

    def prepare(self, structures: Sequence[Atoms]) -> list[Graph]:
        """Return what the network reads of each structure."""
        return [graph(atoms, self._r_max, self._dtype, self._bundle.elements) for atoms in structures]

    def join(self, prepared: Sequence[Graph]) -> Graph:
        """Return several structures as one batch."""
        return join(prepared, self._device)

    def __call__(self, weights: Mapping[str, torch.Tensor], batch: Graph) -> Output:
        """Return energies, forces and stresses; see :class:`~al_core.models.engine.network.Network`."""
        training = torch.is_grad_enabled()
        outputs = self._outputs(weights, batch, training=training, compute_stress=True)
        energies, forces, stresses = (torch.stack([one[key] for one in outputs]) for key in _READ)
        stresses = stresses * batch["periodic"].view(1, -1, 1, 1)
        parts = (energies, forces, stresses)
        return Output(*parts) if training else Output(*(part.detach() for part in parts))

    def descriptors(self, weights: Mapping[str, torch.Tensor], batch: Graph) -> torch.Tensor:
        """Return what the last layer knows of each atom; see :class:`~al_core.models.engine.network.Network`."""
        outputs = self._outputs(weights, batch, training=False, compute_force=False)
        architecture = self._bundle.architecture
        # each layer but the last keeps all of its degrees; scalars come first
        before = (architecture.layers - 1) * architecture.channels * (architecture.max_L + 1) ** 2
        scalars = slice(before, before + architecture.channels)
        return torch.stack([one["node_feats"][:, scalars] for one in outputs]).detach()

    def _outputs(
        self, weights: Mapping[str, torch.Tensor], batch: Graph, **options: bool
    ) -> list[dict[str, torch.Tensor]]:
        """Return what mace's module returns, for each member."""
        model = build(self._bundle, self._dtype, self._device)  # once: what a member saves for its backward pass stays
        outputs = []
        for member in range(len(weights["scale_shift.scale"])):
            own = {name: stack[member] for name, stack in weights.items() if name != "avg_num_neighbors"}
            for interaction in model.interactions:
                setattr(interaction, "avg_num_neighbors", float(weights["avg_num_neighbors"][member]))  # noqa: B010
            with torch.enable_grad():  # forces are derivatives
                outputs.append(torch.func.functional_call(model, own, (dict(batch),), options))
        return outputs
