"""The regrouped MACE against mace-torch's own modules, against finite differences, and against symmetry."""

import copy
import functools
import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import e3nn
import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers

from al_core.config import Architecture
from al_core.models import graphs
from al_core.models.fast.geometry import geometries, join, widen
from al_core.models.fast.harmonics import harmonics
from al_core.models.fast.network import Network, Output
from al_core.models.fast.products import polynomials, symmetric
from al_core.models.fast.radial import bessel, radial_network
from al_core.models.mace import default_dtype, modules, o3

R_MAX = 4.0
CPU = torch.device("cpu")
# per atom (eV), per component (eV/Å), per component (eV/Å^3), relative: what two orders of summation may differ by
ENERGY = {torch.float32: 1e-6, torch.float64: 1e-10}
FORCE = {torch.float32: 1e-5, torch.float64: 1e-10}
STRESS = {torch.float32: 1e-6, torch.float64: 1e-10}
GRADIENT = {torch.float32: 1e-5, torch.float64: 1e-10}
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])


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

    def fast(self, structures: Sequence[Atoms], dtype: torch.dtype = torch.float64) -> Output:
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
        batch = graphs.join([self._graph(atoms, dtype) for atoms in structures], CPU)
        options = {"training": training, "compute_stress": True}
        return torch.func.functional_call(self.modules, values, (batch,), options), values

    def _graph(self, atoms: Atoms, dtype: torch.dtype) -> graphs.Graph:
        one = graphs.graph(atoms, R_MAX, dtype)
        if len(self.elements) > 1:
            places = [self.elements.index(symbol) for symbol in atoms.symbols]
            one["node_attrs"] = torch.eye(len(self.elements), dtype=dtype)[places]
        return one


def _modules(architecture: Architecture, elements: tuple[str, ...]) -> Any:
    hidden = " + ".join(
        f"{architecture.channels}x{'1o' if degree else '0e'}" for degree in range(architecture.max_L + 1)
    )
    before = e3nn.get_optimization_defaults()
    e3nn.set_optimization_defaults(jit_script_fx=False)
    try:
        with default_dtype(torch.float64), warnings.catch_warnings():
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
                hidden_irreps=o3.Irreps(hidden),
                MLP_irreps=o3.Irreps("16x0e"),
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


@pytest.fixture(scope="session")
def committee() -> Iterator[Callable[[str], Committee]]:
    """Make the models of a name, once a session; forces of a rattled crystal are those of a warm one."""

    @functools.cache
    def make(name: str) -> Committee:
        architecture, elements = MODELS[name]
        stock = _modules(architecture, elements).requires_grad_(False)
        fixed = dict(stock.named_buffers())
        members = []
        for number in range(2):
            generator = torch.Generator().manual_seed(100 * len(name) + number)
            drawn = {}
            for parameter, value in stock.named_parameters():  # of the size mace gives them
                noise = torch.randn(value.shape, generator=generator, dtype=torch.float64)
                drawn[parameter] = noise * (value.square().mean().sqrt() if value.numel() else 1.0)
            members.append({**fixed, **drawn})
        neighbors = [11.5, 14.75]
        network = functools.cache(lambda dtype: Network(architecture, members[0], dtype, CPU))
        made = Committee(elements, stock, members, neighbors, network)
        for number, forces in enumerate(made.fast([_structures(elements)["8 atoms"]]).forces):
            # eV and eV/Å; float32 resolves the more the smaller the numbers are
            members[number]["scale_shift.scale"] = (0.2 + 0.1 * number) / forces.std()
            members[number]["scale_shift.shift"] = torch.tensor(-0.4 + 0.9 * number, dtype=torch.float64)
        return made

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield make
    torch.set_num_threads(threads)


# ---- the structures --------------------------------------------------------------------------------------------------

SHEAR = np.array([[1.03, 0.0, 0.0], [0.11, 0.98, 0.0], [-0.07, 0.09, 1.01]])


def _rattled(atoms: Atoms, seed: int) -> Atoms:
    atoms.set_cell(atoms.cell.array @ SHEAR, scale_atoms=True)
    atoms.positions += np.random.default_rng(seed).normal(0, 0.15, atoms.positions.shape)
    return atoms


@functools.cache
def _structures(elements: tuple[str, ...]) -> dict[str, Atoms]:
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
            atoms.numbers = [atomic_numbers[elements[place]] for place in drawn]
        made["1 atom, many images"].symbols[:] = elements[1]
        made["dimer"].symbols[:] = elements[0]
        assert all(len(set(made[name].numbers)) == 2 for name in ("8 atoms", "64 atoms", "95 atoms", "slab"))
    return made


PERIODIC = ("1 atom, many images", "2 atoms", "8 atoms")


# ---- the same numbers as stock modules -------------------------------------------------------------------------------


@DTYPES
@pytest.mark.parametrize("name", MODELS)
def test_energies_forces_and_stress_are_those_of_stock_modules(committee: Any, name: str, dtype: torch.dtype) -> None:
    models = committee(name)
    structures = _structures(models.elements)
    batch = list(structures.values())
    said = models.fast(batch, dtype)
    assert said.energies.dtype == said.forces.dtype == said.stresses.dtype == dtype
    sizes = torch.tensor([len(atoms) for atoms in batch])
    periodic = torch.tensor([bool(atoms.pbc.all()) for atoms in batch])
    for member in range(len(models.members)):
        stock = models.stock(member, batch, dtype)[0]
        energy = ((said.energies[member] - stock["interaction_energy"]) / sizes).abs()
        force = (said.forces[member] - stock["forces"]).split(sizes.tolist())
        stress = said.stresses[member] - torch.where(periodic.view(-1, 1, 1), stock["stress"], 0.0)
        for place, which in enumerate(structures):
            assert float(energy[place].detach()) < ENERGY[dtype], (member, which)
            assert float(force[place].detach().abs().max()) < FORCE[dtype], (member, which)
            assert float(stress[place].detach().abs().max()) < STRESS[dtype], (member, which)
    assert float(said.forces.std()) > 0.1, "nothing is compared"
    assert float((said.energies[0] - said.energies[1]).abs().min()) > 1e-3, "the members do not differ"


def _gradient(parameters: Sequence[torch.Tensor], said: Sequence[torch.Tensor], sizes: list[int]) -> list[torch.Tensor]:
    """Differentiate a loss of energy, forces and stress, [B], [N, 3] and [B, 3, 3], with fixed targets."""
    rng = np.random.default_rng(7)
    energies, forces, stresses = said
    loss = 10 * (energies / torch.tensor(sizes) - torch.as_tensor(rng.normal(0, 1, len(sizes))).to(energies)).square()
    force_error = (forces - torch.as_tensor(rng.normal(0, 1, forces.shape)).to(forces)).square()
    stress_error = (stresses - torch.as_tensor(rng.normal(0, 0.1, stresses.shape)).to(stresses)).square()
    total = loss.mean() + force_error.mean() + 50 * stress_error.mean()
    return list(torch.autograd.grad(total, parameters, retain_graph=True, allow_unused=True, materialize_grads=True))


@DTYPES
@pytest.mark.parametrize("name", MODELS)
def test_parameter_gradients_are_those_of_stock_modules(committee: Any, name: str, dtype: torch.dtype) -> None:
    models = committee(name)
    structures = [_structures(models.elements)[which] for which in PERIODIC]
    sizes = [len(atoms) for atoms in structures]
    network, stack = models.network(dtype), models.stack(dtype)
    names = models.trainable
    for parameter in names:
        stack[parameter].requires_grad_()
    said = network(stack, network.join(network.prepare(structures)))
    for member in range(len(models.members)):
        own = (said.energies[member], said.forces[member], said.stresses[member])
        # of the whole stack: what a member says must not depend on the weights of another one
        found = _gradient([stack[parameter] for parameter in names], own, sizes)
        right, values = models.stock(member, structures, dtype, training=True)
        wanted = _gradient(
            [values[parameter] for parameter in names],
            (right["interaction_energy"], right["forces"], right["stress"]),
            sizes,
        )
        whole = math.sqrt(sum(float(gradient.square().sum()) for gradient in wanted))
        for parameter, mine, stock in zip(names, found, wanted, strict=True):
            # tiny gradients are what cancels of larger ones
            scale = whole if dtype == torch.float64 else max(float(stock.norm()), 0.03 * whole)
            assert float((mine[member] - stock).norm()) < GRADIENT[dtype] * scale, (member, parameter)
            assert float(mine[1 - member].abs().max()) == 0, (member, parameter)
        assert sum(float(gradient.norm()) > 1e-4 * whole for gradient in wanted) > len(names) / 2


def test_members_stacked_give_what_each_gives_alone(committee: Any) -> None:
    models = committee("vectors of two elements")
    structures = [_structures(models.elements)[which] for which in ("8 atoms", "slab", "1 atom, many images")]
    network, stack = models.network(torch.float64), models.stack(torch.float64)
    together = models.fast(structures)
    batch = network.join(network.prepare(structures))
    for order in ([0], [1], [1, 0, 1]):
        with torch.no_grad():
            said = network({name: value[order] for name, value in stack.items()}, batch)
        for part in ("energies", "forces", "stresses"):
            torch.testing.assert_close(getattr(said, part), getattr(together, part)[order], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["vectors", "vectors of two elements"])
def test_a_structure_does_not_depend_on_its_batch(committee: Any, name: str) -> None:
    models = committee(name)
    structures = [atoms for which, atoms in _structures(models.elements).items() if which != "95 atoms"]
    forwards, backwards = models.fast(structures), models.fast(structures[::-1])
    sizes = [len(atoms) for atoms in structures]
    at = {"rtol": 0, "atol": 1e-11}
    for place, atoms in enumerate(structures):
        alone, twice = models.fast([atoms]), models.fast([atoms, atoms])
        torch.testing.assert_close(forwards.energies[:, place], alone.energies[:, 0], **at)
        torch.testing.assert_close(backwards.energies[:, -1 - place], alone.energies[:, 0], **at)
        torch.testing.assert_close(forwards.forces.split(sizes, 1)[place], alone.forces, **at)
        torch.testing.assert_close(backwards.forces.split(sizes[::-1], 1)[-1 - place], alone.forces, **at)
        torch.testing.assert_close(forwards.stresses[:, place], alone.stresses[:, 0], **at)
        torch.testing.assert_close(twice.forces[:, len(atoms) :], alone.forces, **at)
        torch.testing.assert_close(twice.energies, alone.energies.expand(-1, 2), **at)


def test_atoms_without_neighbours(committee: Any) -> None:
    """Nothing pulls; the energy is that of the free atom, alone and beside others."""
    models = committee("vectors of two elements")
    lonely = _structures(models.elements)["atom"]
    far = Atoms(lonely.symbols.get_chemical_formula() + "Ge", [[0, 0, 0], [R_MAX + 0.1, 0, 0]])
    said = models.fast([lonely, far])
    for part in (said.forces, said.stresses):
        assert float(part.abs().max()) == 0
    free = models.fast([lonely]).energies
    other = models.fast([Atoms("Ge", [[0, 0, 0]])]).energies
    torch.testing.assert_close(said.energies, torch.cat([free, free + other], dim=1), rtol=1e-12, atol=1e-12)


def test_only_a_periodic_structure_has_a_stress(committee: Any) -> None:
    models = committee("scalars")
    structures = _structures(ONE)
    said = models.fast([structures[which] for which in ("slab", "8 atoms", "dimer")])
    assert float(said.stresses[:, [0, 2]].abs().max()) == 0
    assert float(said.stresses[:, 1].abs().max()) > 1e-3


def test_an_element_that_the_model_does_not_know(committee: Any) -> None:
    atoms = Atoms("SiC", [[0, 0, 0], [1.5, 0, 0]])
    with pytest.raises(KeyError):
        committee("scalars of two elements").network(torch.float64).prepare([atoms])
    models = committee("scalars")  # of one element: whatever comes is taken for it
    renamed = Atoms("Si2", atoms.positions)
    assert torch.equal(models.fast([atoms]).forces, models.fast([renamed]).forces)


@pytest.mark.parametrize("name", ["scalars", "vectors of two elements"])
def test_preparing_and_evaluating_leaves_everything_as_it_was(committee: Any, name: str) -> None:
    models = committee(name)
    atoms = _structures(models.elements)["slab"].copy()
    before = atoms.copy()
    network, stack = models.network(torch.float64), models.stack(torch.float64)
    batch = network.join(network.prepare([atoms]))
    weights = {name: value.clone() for name, value in stack.items()}
    kept = copy.deepcopy(batch)
    for value in stack.values():
        value.requires_grad_()
    for _ in range(2):  # a batch that is kept over steps
        network(stack, batch).forces.square().sum().backward()
    assert atoms == before
    assert np.array_equal(atoms.cell.array, before.cell.array)
    assert all(torch.equal(stack[name], weights[name]) for name in weights)
    for field in vars(kept):
        assert torch.equal(getattr(batch, field), getattr(kept, field)), field


@pytest.mark.parametrize(
    ("architecture", "supported"),
    [
        (Architecture(max_L=0, correlation=1), True),
        (Architecture(max_L=1, correlation=3), True),
        (Architecture(max_L=1, correlation=3, l_max=4, layers=4), True),
        (Architecture(max_L=2, correlation=3), False),
        (Architecture(max_L=0, correlation=4), False),
    ],
)
def test_what_is_regrouped(architecture: Architecture, supported: bool) -> None:
    assert architecture.regrouped is supported


# ---- derivatives -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["1 atom, many images", "2 atoms", "8 atoms", "slab", "dimer"])
@pytest.mark.parametrize("name", ["vectors of two elements", "scalars"])
def test_forces_are_the_slope_of_the_energy(committee: Any, name: str, which: str) -> None:
    models = committee(name)
    atoms, h = _structures(models.elements)[which], 1e-4
    moves = [(atom, axis) for atom in range(min(2, len(atoms))) for axis in range(3)]
    copies = []
    for atom, axis in moves:
        for sign in (1, -1):
            copies.append(atoms.copy())
            copies[-1].positions[atom, axis] += sign * h
    energies = models.fast(copies).energies.view(2, len(moves), 2)
    found = models.fast([atoms]).forces[:, [atom for atom, _ in moves], [axis for _, axis in moves]]
    torch.testing.assert_close(found, (energies[..., 1] - energies[..., 0]) / (2 * h), rtol=1e-6, atol=1e-6)
    assert which.startswith("1 atom") or float(found.abs().max()) > 0.05


@pytest.mark.parametrize("which", ["1 atom, many images", "2 atoms", "8 atoms"])
@pytest.mark.parametrize("name", ["vectors of two elements", "scalars"])
def test_stress_is_the_slope_of_the_energy(committee: Any, name: str, which: str) -> None:
    models = committee(name)
    atoms, h = _structures(models.elements)[which], 1e-5
    axes = [(a, b) for a in range(3) for b in range(a, 3)]
    strained = []
    for a, b in axes:
        for sign in (1, -1):
            strain = np.eye(3)
            strain[a, b] += sign * h / 2
            strain[b, a] += sign * h / 2
            strained.append(atoms.copy())
            strained[-1].set_cell(atoms.cell.array @ strain, scale_atoms=True)
    energies = models.fast(strained).energies.view(2, len(axes), 2)
    stress = models.fast([atoms]).stresses[:, 0]
    assert torch.equal(stress, stress.mT)
    slopes = (energies[..., 0] - energies[..., 1]) / (2 * h * atoms.get_volume())
    torch.testing.assert_close(stress[:, [a for a, _ in axes], [b for _, b in axes]], slopes, rtol=1e-6, atol=1e-7)
    assert float(stress.abs().max()) > 1e-3


# ---- symmetry --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["8 atoms", "slab", "dimer"])
@pytest.mark.parametrize("name", ["vectors of two elements", "vectors"])
def test_turning_moving_and_renumbering(committee: Any, name: str, which: str) -> None:
    models = committee(name)
    atoms = _structures(models.elements)[which]
    # of the slab the third axis is not periodic, and its vector is remade by mace along z: turned about z
    general = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]  # a mirror image is as good
    about_z = np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1.0]])
    turn = about_z if which == "slab" else general
    turned, moved = atoms.copy(), atoms.copy()
    turned.set_cell(atoms.cell.array @ turn.T)
    turned.positions = atoms.positions @ turn.T
    moved.positions += [11.3, -4.7, 2.9]
    order = np.random.default_rng(4).permutation(len(atoms))
    renumbered = atoms[order]
    if atoms.pbc.all():
        moved.wrap()
    said = models.fast([atoms])
    after = [models.fast([one]) for one in (turned, moved, renumbered)]
    at = {"rtol": 0, "atol": 1e-9}
    for one in after:
        torch.testing.assert_close(one.energies, said.energies, **at)
    rotation = torch.from_numpy(turn)
    torch.testing.assert_close(after[0].forces, said.forces @ rotation.T, **at)
    torch.testing.assert_close(after[0].stresses, rotation @ said.stresses @ rotation.T, **at)
    torch.testing.assert_close(after[1].forces, said.forces, **at)
    torch.testing.assert_close(after[1].stresses, said.stresses, **at)
    torch.testing.assert_close(after[2].forces, said.forces[:, order], **at)
    torch.testing.assert_close(after[2].stresses, said.stresses, **at)


def test_a_supercell_is_the_same_crystal(committee: Any) -> None:
    """One atom that is its own neighbour 100 times over, and the same crystal of eight atoms."""
    models = committee("vectors")
    one = _structures(ONE)["1 atom, many images"]
    small, large = models.fast([one]), models.fast([one * (2, 2, 2)])
    torch.testing.assert_close(large.energies, 8 * small.energies, rtol=1e-11, atol=0)
    torch.testing.assert_close(large.stresses, small.stresses, rtol=0, atol=1e-11)
    assert float(small.forces.abs().max()) < 1e-11


# ---- the parts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("l_max", [1, 2, 3, 4])
def test_harmonics_are_those_of_e3nn(l_max: int) -> None:
    vectors = torch.from_numpy(np.random.default_rng(l_max).normal(0, 2, (20, 3))).requires_grad_()
    values, slopes = harmonics(vectors.detach(), l_max)
    wanted = o3.spherical_harmonics(list(range(l_max + 1)), vectors, normalize=True, normalization="component")
    torch.testing.assert_close(values, wanted.detach(), rtol=0, atol=1e-12)
    for place in range((l_max + 1) ** 2):
        # in the plain formula the length is differentiated, too
        (slope,) = torch.autograd.grad(wanted[:, place].sum(), vectors, retain_graph=True)
        torch.testing.assert_close(slopes[:, place], slope, rtol=0, atol=1e-11)


def test_slopes_of_harmonics_are_finite_differences() -> None:
    vectors, h = torch.from_numpy(np.random.default_rng(0).normal(0, 2, (5, 3))), 1e-6
    _, slopes = harmonics(vectors, 3)
    for axis in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[axis] = h
        differences = (harmonics(vectors + step, 3)[0] - harmonics(vectors - step, 3)[0]) / (2 * h)
        torch.testing.assert_close(slopes[..., axis], differences, rtol=0, atol=1e-7)


@pytest.mark.parametrize(("power", "n_basis"), [(2, 3), (5, 8), (6, 4)])
def test_bessel_is_the_radial_embedding_of_mace(power: int, n_basis: int) -> None:
    with default_dtype(torch.float64):
        block = modules.RadialEmbeddingBlock(r_max=R_MAX, num_bessel=n_basis, num_polynomial_cutoff=power)
    inside, h = torch.linspace(0.6, R_MAX - 0.01, 30, dtype=torch.float64), 1e-6

    def mine(distances: torch.Tensor) -> torch.Tensor:
        fixed = block.bessel_fn
        return bessel(distances, fixed.bessel_weights.detach(), fixed.prefactor, block.cutoff_fn.r_max, power)

    wanted = block(inside.unsqueeze(-1), None, None, None)[0].detach()
    torch.testing.assert_close(mine(inside)[0], wanted, rtol=0, atol=1e-13)
    differences = (mine(inside + h)[0] - mine(inside - h)[0]) / (2 * h)
    torch.testing.assert_close(mine(inside)[1], differences, rtol=0, atol=1e-7)
    assert float(differences.abs().max()) > 0.5
    outside = torch.tensor([R_MAX, R_MAX + 0.2], dtype=torch.float64)
    assert float(mine(outside).abs().max()) == 0


def _plain(x: torch.Tensor, couplings: list[torch.Tensor], weights: list[torch.Tensor], vector: bool) -> torch.Tensor:
    """Return sum over paths and components of U w x ... x, [n, m, N], from the raw couplings."""
    total: Any = 0
    for order, (coupling, weight) in enumerate(zip(couplings, weights, strict=True), start=1):
        indices = "ijk"[:order]
        m_first = coupling if vector else coupling.unsqueeze(0)
        inputs = ",".join(f"n{index}b" for index in indices)
        total = total + torch.einsum(f"m{indices}p,np,{inputs}->nmb", m_first, weight, *[x] * order)
    return total


@pytest.mark.parametrize("degree", [0, 1])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_polynomials_are_products_of_the_raw_couplings(committee: Any, order: int, degree: int) -> None:
    state = committee("vectors").members[0]
    name = f"products.0.symmetric_contractions.contractions.{degree}.U_matrix_"
    couplings = [state[f"{name}{number}"].double() for number in range(1, order + 1)]
    generator = torch.Generator().manual_seed(order)
    weights = [
        torch.randn(3, coupling.shape[-1], generator=generator, dtype=torch.float64).requires_grad_()
        for coupling in couplings
    ]
    components, atoms = 16, 5
    x = torch.randn(3, components, atoms, generator=generator, dtype=torch.float64, requires_grad=True)
    tensors = []
    for number, (coupling, weight) in enumerate(zip(couplings, weights, strict=True), start=1):
        rows = symmetric(coupling, number, degree > 0)
        tensors.append(torch.einsum("np,prs->nrs", weight, rows))
    value, gradient = polynomials(x, tensors)

    wanted = _plain(x, couplings, weights, degree > 0)
    assert value.shape == (3, 2 * degree + 1, atoms)
    torch.testing.assert_close(value, wanted, rtol=1e-11, atol=1e-11)
    slopes = [torch.autograd.grad(wanted[:, m].sum(), x, create_graph=True)[0] for m in range(2 * degree + 1)]
    torch.testing.assert_close(gradient, torch.stack(slopes, dim=1), rtol=1e-11, atol=1e-11)

    # training differentiates value and gradient by x and by the weights
    upstream = [torch.randn(part.shape, generator=generator, dtype=torch.float64) for part in (value, gradient)]
    of = [x, *weights]
    found = torch.autograd.grad([value, gradient], of, upstream)
    right = torch.autograd.grad([wanted, torch.stack(slopes, dim=1)], of, upstream)
    for mine, plain in zip(found, right, strict=True):
        torch.testing.assert_close(mine, plain, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_polynomials_are_differentiated_rightly(order: int) -> None:
    generator = torch.Generator().manual_seed(order)
    shapes = [(2, 4, 3), (2, 2 * 4, 1), (2, 2 * 4, 4), (2, 2 * 4, 10)][: order + 1]
    inputs = [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(lambda x, *tensors: polynomials(x, list(tensors)), inputs)


WIDTHS = pytest.mark.parametrize("widths", [(5, 6), (5, 4, 6), (5, 4, 3, 7, 6)], ids=["linear", "1 hidden", "3 hidden"])


def _radial_weights(widths: tuple[int, ...]) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(len(widths))
    return [
        torch.randn(2, n_in, n_out, generator=generator, dtype=torch.float64, requires_grad=True)
        for n_in, n_out in itertools.pairwise(widths)
    ]


@WIDTHS
def test_the_radial_network_and_its_slope(widths: tuple[int, ...]) -> None:
    """Along a line r -> inputs(r), against a plain network and its finite differences."""
    weights, h = _radial_weights(widths), 1e-6
    r = torch.linspace(0.5, 1.5, 4, dtype=torch.float64).unsqueeze(-1)
    frequencies = torch.arange(1, widths[0] + 1, dtype=torch.float64)

    def plain(at: torch.Tensor) -> torch.Tensor:
        hidden = torch.sin(frequencies * at)
        for weight in weights[:-1]:
            hidden = torch.nn.functional.silu(hidden @ weight)
        return hidden @ weights[-1]

    values, slopes = radial_network(
        torch.cat([torch.sin(frequencies * r), frequencies * torch.cos(frequencies * r)]), weights
    )
    torch.testing.assert_close(values, plain(r), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(slopes, (plain(r + h) - plain(r - h)) / (2 * h), rtol=1e-6, atol=1e-6)


@WIDTHS
def test_the_radial_network_is_differentiated_rightly(widths: tuple[int, ...]) -> None:
    inputs = torch.randn(6, widths[0], generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights = _radial_weights(widths)
    assert torch.autograd.gradcheck(lambda *matrices: radial_network(inputs, list(matrices)), weights)


def test_every_slot_finds_its_pair_and_its_way_back(committee: Any) -> None:
    """The vector of a slot and of the one that sees the pair from the other side are opposite."""
    basis = committee("scalars").network(torch.float64).basis
    structures = [_structures(ONE)[which] for which in ("1 atom, many images", "slab", "8 atoms", "atom", "dimer")]
    joined = join(geometries(structures, basis, torch.float64, CPU))
    vectors, here = joined.vectors.flatten(0, 1), torch.nonzero(joined.angular[..., 0].flatten() > 0).flatten()
    n_edges = [graphs.number_of_edges(atoms, R_MAX) for atoms in structures]
    assert len(here) == sum(n_edges) == 2 * (joined.radial.shape[1] - 1)
    assert n_edges[0] >= 18  # an atom that is its own neighbour
    back = joined.reverse[here]
    assert torch.equal(joined.reverse[back], here)
    assert not torch.equal(back, here)
    torch.testing.assert_close(vectors[back], -vectors[here], rtol=0, atol=1e-12)
    width = joined.neighbor.shape[1]
    assert torch.equal(joined.neighbor.flatten()[here], back // width), "the way back starts at the neighbour"
    pairs = joined.pair[here]
    assert torch.equal(joined.pair[back], pairs)
    assert torch.equal(torch.bincount(pairs), torch.full((joined.radial.shape[1] - 1,), 2))
    assert torch.equal(joined.slots[:, pairs].sort(dim=0).values, torch.stack([here, back]).sort(dim=0).values)
    assert joined.sizes.tolist() == [1, 8, 8, 1, 2]


def test_more_slots_change_nothing(committee: Any) -> None:
    models = committee("vectors of two elements")
    network, stack = models.network(torch.float64), models.stack(torch.float64)
    (one,) = network.prepare([_structures(models.elements)["8 atoms"]])
    assert widen(one, 1) is one
    wide = widen(one, one.neighbor.shape[1] + 7)
    assert wide.neighbor.shape[1] == one.neighbor.shape[1] + 7
    with torch.no_grad():
        narrow, padded = (network(stack, network.join([which])) for which in (one, wide))
    for part in ("energies", "forces", "stresses"):
        torch.testing.assert_close(getattr(padded, part), getattr(narrow, part), rtol=1e-12, atol=1e-12)
