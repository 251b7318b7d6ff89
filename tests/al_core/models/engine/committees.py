"""The committees and structures on which the regrouped MACE is compared with stock modules."""

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import e3nn
import numpy as np
import torch
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers

from al_core.config.training import Architecture
from al_core.models.engine import graphs
from al_core.models.engine.mace import default_dtype, mace_modules
from al_core.models.engine.network import Network, Output

R_MAX = 4.0
SEED = 0
CPU = torch.device("cpu")


# ---- the models: every one has K members with weights, scale, shift and neighbour number of their own ---------------


def _architecture(channels: int, max_L: int, layers: int, l_max: int, correlation: int, *mlp: int) -> Architecture:
    return Architecture(
        channels=channels,
        max_L=max_L,
        layers=layers,
        l_max=l_max,
        correlation=correlation,
        radial_mlp=mlp,
        r_max=R_MAX,
        radial_functions=5,
        cutoff_power=6 if layers == 1 else 5,
    )


ONE, TWO = ("Si",), ("Si", "Ge")
MODELS: dict[str, tuple[Architecture, tuple[str, ...]]] = {
    "scalars": (_architecture(8, 0, 2, 3, 3, 8, 8), ONE),
    "scalars of two elements": (_architecture(4, 0, 3, 2, 3, 8), TWO),
    "vectors": (_architecture(4, 1, 2, 3, 3, 8, 8), ONE),
    "vectors of two elements": (_architecture(4, 1, 3, 2, 2, 16, 8, 8), TWO),
    "linear vectors, no radial network": (_architecture(16, 1, 2, 2, 1), TWO),
    "one layer": (_architecture(16, 0, 1, 2, 2, 8), ONE),
    "one layer of vectors": (_architecture(4, 1, 1, 2, 3, 8, 8), TWO),
}


@dataclass(frozen=True)
class Committee:
    """Models as stock modules and as one stack.

    Attributes:
        elements: chemical symbols, in the models' order.
        modules: one set of stock modules; the members differ in what is put in.
        members: parameters and buffers of each, float64.
        neighbors: neighbour number of each.
        network: the regrouped function.
    """

    elements: tuple[str, ...]
    modules: Any
    members: list[dict[str, torch.Tensor]]
    neighbors: list[float]
    network: Callable[[torch.dtype], Network]

    @property
    def trainable(self) -> list[str]:
        """The names of the parameters."""
        return [name for name, value in self.modules.named_parameters() if value.numel()]

    def stack(self, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        """Return the weights [K, ...] the network reads."""
        stack = {
            name: torch.stack([member[name] for member in self.members]).to(dtype)
            for name in (*self.trainable, "scale_shift.scale", "scale_shift.shift")
        }
        return stack | {"avg_num_neighbors": torch.tensor(self.neighbors, dtype=dtype)}

    def regrouped(self, structures: Sequence[Atoms], dtype: torch.dtype = torch.float64) -> Output:
        """Evaluate all members on a batch."""
        network = self.network(dtype)
        with torch.no_grad():
            return network(self.stack(dtype), network.join(network.prepare(structures)))

    def stock(self, member: int, structures: Sequence[Atoms], dtype: torch.dtype, training: bool = False) -> Any:
        """Evaluate one member's modules on a batch; return what they say, and the parameters they used."""
        values = {
            name: value.to(dtype) if value.is_floating_point() else value
            for name, value in self.members[member].items()
        }
        for name in self.trainable if training else ():
            values[name] = values[name].clone().requires_grad_()
        for interaction in self.modules.interactions:
            interaction.avg_num_neighbors = self.neighbors[member]
        batch = graphs.join([graphs.graph(atoms, R_MAX, dtype, self.elements) for atoms in structures], CPU)
        options = {"training": training, "compute_stress": True}
        return torch.func.functional_call(self.modules, values, (batch,), options), values


def stock_modules(architecture: Architecture, elements: tuple[str, ...]) -> Any:
    hidden = " + ".join(
        f"{architecture.channels}x{'1o' if degree else '0e'}" for degree in range(architecture.max_L + 1)
    )
    modules = mace_modules()
    before = e3nn.get_optimization_defaults()
    e3nn.set_optimization_defaults(jit_script_fx=False)
    try:
        # drawn the same whatever was drawn before, by other tests or when they were imported
        with default_dtype(torch.float64), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            torch.manual_seed(SEED)
            warnings.filterwarnings("ignore", message=".*(TorchScript|torch.jit).*")
            return modules.ScaleShiftMACE(
                r_max=architecture.r_max,
                num_bessel=architecture.radial_functions,
                num_polynomial_cutoff=architecture.cutoff_power,
                max_ell=architecture.l_max,
                interaction_cls=modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
                interaction_cls_first=modules.interaction_classes["RealAgnosticInteractionBlock"],
                num_interactions=architecture.layers,
                num_elements=len(elements),
                hidden_irreps=e3nn.o3.Irreps(hidden),
                MLP_irreps=e3nn.o3.Irreps("16x0e"),
                atomic_energies=np.zeros(len(elements)),
                avg_num_neighbors=1.0,
                atomic_numbers=[atomic_numbers[element] for element in elements],
                correlation=architecture.correlation,
                gate=torch.nn.functional.silu,
                radial_MLP=list(architecture.radial_mlp),
                atomic_inter_scale=1.0,
                atomic_inter_shift=0.0,
            )
    finally:
        e3nn.set_optimization_defaults(**before)


# ---- the structures --------------------------------------------------------------------------------------------------

SHEAR = np.array([[1.03, 0.0, 0.0], [0.11, 0.98, 0.0], [-0.07, 0.09, 1.01]])


def _rattled(atoms: Atoms, seed: int) -> Atoms:
    atoms.set_cell(atoms.cell.array @ SHEAR, scale_atoms=True)
    atoms.positions += np.random.default_rng(seed).normal(0, 0.15, atoms.positions.shape)
    return atoms


@functools.cache
def structures_of(elements: tuple[str, ...]) -> dict[str, Atoms]:
    """Return cells of 1 to 95 atoms; of two elements mostly mixed, some only of one or the other."""
    cubic = bulk("Si", "diamond", a=5.45, cubic=True)
    slab = _rattled(cubic.copy(), 1)
    slab.pbc = (True, True, False)
    slab.cell[2] *= 3
    vacancy = cubic * (2, 2, 3)
    del vacancy[17]
    made = {
        "1 atom, many images": _rattled(bulk("Si", "sc", a=2.3), 2),
        "2 atoms": _rattled(bulk("Si", "diamond", a=5.3), 3),
        "8 atoms": _rattled(cubic.copy(), 4),
        "64 atoms": _rattled(cubic * (2, 2, 2), 5),
        "95 atoms": _rattled(vacancy, 6),
        "slab": slab,
        "dimer": Atoms("Si2", [[0, 0, 0], [1.1, 1.3, 1.5]]),
        "atom": Atoms("Si", [[0.3, 0.2, 0.1]]),
        "atom alone in a cell": Atoms("Si", [[0.3, 0.2, 0.1]], cell=[9, 9, 9], pbc=True),
    }
    if len(elements) > 1:
        for number, atoms in enumerate(made.values()):
            drawn = np.random.default_rng(number).integers(0, 2, len(atoms))
            atoms.numbers = [atomic_numbers[elements[index]] for index in drawn]
        made["1 atom, many images"].symbols[:] = elements[1]
        made["dimer"].symbols[:] = elements[0]
        assert all(len(set(made[name].numbers)) == 2 for name in ("8 atoms", "64 atoms", "95 atoms", "slab"))
    return made


PERIODIC = ("1 atom, many images", "2 atoms", "8 atoms")
