"""SOAP: where it is Adam, what it is faster on, and that the members of a stack do not meet."""

import pytest
import torch

from al_core.models.training.soap import Soap

SHAPES = ((3, 8, 5), (3, 16), (3, 2, 4, 4), (3, 6), (3, 1, 5))  # matrices, blocks of 4 by 4, several, a rest, a row
CHANNELS = 4


def _leaves(shapes: tuple[tuple[int, ...], ...] = SHAPES) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def _give_gradients(leaves: list[torch.Tensor], generator: torch.Generator) -> None:
    for leaf in leaves:
        leaf.grad = torch.randn(leaf.shape, generator=generator, dtype=leaf.dtype)


def test_rows_and_rests_are_moved_by_adam() -> None:
    mine, theirs = _leaves(((2, 5), (2, 1, 7))), _leaves(((2, 5), (2, 1, 7)))
    others = [leaf.requires_grad_() for leaf in theirs]
    ours, reference = Soap(mine, CHANNELS), torch.optim.Adam(others, betas=(0.95, 0.99), eps=1e-10)
    generator = torch.Generator().manual_seed(1)
    for step in range(12):
        reference.param_groups[0]["lr"] = rate = 0.1 / (step + 1)
        _give_gradients(mine, generator)
        for leaf, other in zip(mine, others, strict=True):
            other.grad = leaf.grad
        ours.step(rate)
        reference.step()
    for leaf, other in zip(mine, others, strict=True):
        torch.testing.assert_close(leaf, other.detach(), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("shape", [(1, 6, 6), (1, 36)], ids=["matrix", "flat"])
def test_turning_the_matrices_turns_the_steps(shape: tuple[int, ...]) -> None:
    """Once the axes are found, gradients seen in other ones give the same change seen in them; Adam's would not."""
    generator = torch.Generator().manual_seed(2)
    left, right = (torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64)).Q for _ in range(2))
    sizes = torch.logspace(0, -3, 6, dtype=torch.float64)
    plain, turned = (torch.zeros(shape, dtype=torch.float64) for _ in range(2))
    ours, theirs = Soap([plain], 6), Soap([turned], 6)
    for _ in range(1500):
        gradient = sizes.view(-1, 1) * torch.randn(6, 6, generator=generator, dtype=torch.float64) * sizes
        plain.grad, turned.grad = gradient.reshape(shape), (left @ gradient @ right.mT).reshape(shape)
        ours.step(0.01)
        theirs.step(0.01)
    before = plain.clone(), turned.clone()
    ours.step(0.01)
    theirs.step(0.01)
    one, other = ((new - old).view(6, 6) for new, old in zip((plain, turned), before, strict=True))
    assert one.abs().max() > 1e-3
    torch.testing.assert_close(other, left @ one @ right.mT, rtol=0, atol=1e-5)


def test_a_badly_shaped_valley_is_descended_faster_than_by_adam() -> None:
    """The curvature of A W B for W, with axes that are none of the weights'."""
    generator = torch.Generator().manual_seed(3)
    outer = []
    for _ in range(2):
        basis = torch.linalg.qr(torch.randn(8, 8, generator=generator, dtype=torch.float64)).Q
        outer.append(basis * torch.logspace(0, -1.5, 8, dtype=torch.float64) @ basis.mT)
    wanted = torch.randn(1, 8, 8, generator=generator, dtype=torch.float64)
    left = {}
    for name in ("soap", "adam"):
        weight = torch.zeros_like(wanted).requires_grad_()
        ours = Soap([weight], CHANNELS)
        adam = torch.optim.Adam([weight], lr=0.05)
        for step in range(200):
            weight.grad = None
            value = (outer[0] @ (weight - wanted) @ outer[1]).square().sum()
            value.backward()
            rate = 0.05 * (1 - step / 200)
            if name == "soap":
                ours.step(rate)
            else:
                adam.param_groups[0]["lr"] = rate
                adam.step()
        left[name] = float(value.detach())
    assert left["soap"] < 0.3 * left["adam"], left


def test_members_do_not_meet() -> None:
    """Three members together move as each alone, also when one of them is not finite."""
    together = _leaves()
    alone = [[leaf[member : member + 1].clone() for leaf in together] for member in range(3)]
    optimizers = [Soap(own, CHANNELS) for own in alone]
    whole = Soap(together, CHANNELS)
    generator = torch.Generator().manual_seed(4)
    for step in range(25):
        _give_gradients(together, generator)
        for leaf in together:
            assert leaf.grad is not None
            if step > 4:
                leaf.grad[1] = torch.nan
        for member, own in enumerate(alone):
            for leaf, source in zip(own, together, strict=True):
                assert source.grad is not None
                leaf.grad = source.grad[member : member + 1]
            optimizers[member].step(0.01)
        whole.step(0.01)
    for member in (0, 2):
        for leaf, own in zip(together, alone[member], strict=True):
            torch.testing.assert_close(leaf[member : member + 1], own, rtol=1e-6, atol=1e-6)
    assert all(leaf[1].isnan().all() for leaf in together)


def test_a_member_that_is_lost_at_once_leaves_the_others_be() -> None:
    leaves = _leaves()
    before = [leaf.clone() for leaf in leaves]
    optimizer = Soap(leaves, CHANNELS)
    _give_gradients(leaves, torch.Generator().manual_seed(5))
    for leaf in leaves:
        assert leaf.grad is not None
        leaf.grad[0] = torch.inf
    optimizer.step(0.01)
    for leaf, old in zip(leaves, before, strict=True):
        assert leaf[1:].isfinite().all()
        assert not torch.equal(leaf[1:], old[1:])


def test_it_goes_on_from_a_state() -> None:
    straight, broken = _leaves(), _leaves()
    first, second = Soap(straight, CHANNELS), Soap(broken, CHANNELS)
    generator, again = torch.Generator().manual_seed(6), torch.Generator().manual_seed(6)
    for step in range(24):
        _give_gradients(straight, generator)
        _give_gradients(broken, again)
        first.step(0.01)
        second.step(0.01)
        if step == 13:
            third = Soap(broken, CHANNELS)
            third.restore(second.state())
            second = third
    assert all(torch.equal(one, other) for one, other in zip(straight, broken, strict=True))


def test_what_has_no_gradient_stays() -> None:
    leaves = _leaves()
    before = [leaf.clone() for leaf in leaves]
    optimizer = Soap(leaves, CHANNELS)
    for _ in range(12):
        _give_gradients(leaves, torch.Generator().manual_seed(7))
        leaves[0].grad = None
        leaves[3].grad = None
        optimizer.step(0.01)
    stayed = [torch.equal(leaf, old) for leaf, old in zip(leaves, before, strict=True)]
    assert stayed == [True, False, False, True, False]
