"""The parts of the regrouped MACE: harmonics, radial functions, products, and the slots of neighbours."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from al_core.models.engine.geometry import geometries, join, widen
from al_core.models.engine.harmonics import harmonics
from al_core.models.engine.mace import default_dtype, mace_modules
from al_core.models.engine.neighbours import number_of_edges
from al_core.models.engine.products import polynomials, symmetric
from al_core.models.engine.radial import bessel, radial_network
from tests.al_core.models.engine.committees import CPU, ONE, R_MAX, structures_of


@pytest.mark.parametrize("l_max", [1, 2, 3, 4])
def test_harmonics_are_those_of_e3nn(l_max: int) -> None:
    mace_modules()  # prepares e3nn
    from e3nn import o3

    vectors = torch.from_numpy(np.random.default_rng(l_max).normal(0, 2, (20, 3))).requires_grad_()
    values, slopes = harmonics(vectors.detach(), l_max)
    wanted = o3.spherical_harmonics(list(range(l_max + 1)), vectors, normalize=True, normalization="component")
    torch.testing.assert_close(values, wanted.detach(), rtol=0, atol=1e-12)
    for index in range((l_max + 1) ** 2):
        # in the plain formula the length is differentiated, too
        (slope,) = torch.autograd.grad(wanted[:, index].sum(), vectors, retain_graph=True)
        torch.testing.assert_close(slopes[:, index], slope, rtol=0, atol=1e-11)


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
    modules = mace_modules()
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
    structures = [structures_of(ONE)[which] for which in ("1 atom, many images", "slab", "8 atoms", "atom", "dimer")]
    joined = join(geometries(structures, basis, torch.float64, CPU))
    vectors, here = joined.vectors.flatten(0, 1), torch.nonzero(joined.angular[..., 0].flatten() > 0).flatten()
    n_edges = [number_of_edges(atoms, R_MAX) for atoms in structures]
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
    (one,) = network.prepare([structures_of(models.elements)["8 atoms"]])
    assert widen(one, 1) is one
    wide = widen(one, one.neighbor.shape[1] + 7)
    assert wide.neighbor.shape[1] == one.neighbor.shape[1] + 7
    with torch.no_grad():
        narrow, padded = (network(stack, network.join([which])) for which in (one, wide))
    for part in ("energies", "forces", "stresses"):
        torch.testing.assert_close(getattr(padded, part), getattr(narrow, part), rtol=1e-12, atol=1e-12)
