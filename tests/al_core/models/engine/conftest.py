"""The committees, made once a session."""

import functools
from collections.abc import Callable, Iterator

import pytest
import torch

from al_core.models.engine.network import Network
from tests.al_core.models.engine.committees import CPU, MODELS, Committee, stock_modules, structures_of


@pytest.fixture(scope="session")
def committee() -> Iterator[Callable[[str], Committee]]:
    """Make the models of a name, once a session; forces of a rattled crystal are those of a warm one."""

    @functools.cache
    def make(name: str) -> Committee:
        architecture, elements = MODELS[name]
        stock = stock_modules(architecture, elements).requires_grad_(False)
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
        for number, forces in enumerate(made.regrouped([structures_of(elements)["8 atoms"]]).forces):
            # eV and eV/Å; float32 resolves the more the smaller the numbers are
            members[number]["scale_shift.scale"] = (0.2 + 0.1 * number) / forces.std()
            members[number]["scale_shift.shift"] = torch.tensor(-0.4 + 0.9 * number, dtype=torch.float64)
        return made

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield make
    torch.set_num_threads(threads)
