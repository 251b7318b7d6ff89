"""One training step of one model without the optimizer: loss of energies and forces, and its gradient.

Graft's engine against stock mace-torch modules in eager mode, and with the TorchScript e3nn makes of them by default;
same weights, same batch, neighbours found beforehand. The ratio is taken to the faster of the two.
Required: 2.5.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from benchmarks._common import ENERGY_WEIGHT, committee, compare, labelled, options, process, ratio, seconds, table

BATCHES = ((4, 8), (2, 64))  # structures, atoms of each
SIDES = ("graft", "stock eager", "stock TorchScript")


def main() -> None:
    """Run the comparison."""
    given = options(__doc__, repeats=15, quick_repeats=5)
    rows, last = [], 0.0
    with process(graft=True) as ours, process(graft=False) as stock:
        runners = dict(zip(SIDES, (ours, stock, stock), strict=True))
        for structures, atoms in BATCHES:
            first = {name: run(gradient, name, structures, atoms) for name, run in runners.items()}
            for name, run in runners.items():
                run(measure, name, structures, atoms, 3, 1)  # TorchScript is slow twice
            times = 3 if given.quick else 5
            sides = {name: partial(run, measure, name, structures, atoms, times) for name, run in runners.items()}
            timings = compare(sides, given.repeats)
            last = min(timings[name].median for name in SIDES[1:]) / timings["graft"].median
            for name, timing in timings.items():
                apart = np.linalg.norm(first[name] - first["stock eager"]) / np.linalg.norm(first["stock eager"])
                times_faster = timing.median / timings["graft"].median
                rows.append(
                    (f"{structures} x {atoms}", name, timing.threads, timing, f"{times_faster:.2f}", f"{apart:.0e}")
                )
    table(("structures x atoms", "side", "threads", "ms (range)", "graft is faster by", "gradient differs by"), rows)
    ratio(last)


def measure(side: str, structures: int, atoms: int, times: int, threads: int) -> float:
    """Return the seconds of a step."""
    return seconds(_step(side, structures, atoms), threads, times)


def gradient(side: str, structures: int, atoms: int) -> np.ndarray:
    """Return the gradient in all parameters, in the order of their names."""
    parameters = _step(side, structures, atoms)()
    return np.concatenate([parameters[name].numpy().ravel() for name in sorted(parameters)])


@cache
def _step(side: str, structures: int, atoms: int) -> Callable[[], dict[str, Any]]:
    data = labelled(structures, atoms)
    return _graft_step(data) if side == "graft" else _stock_step(data, scripted=side == "stock TorchScript")


def _targets(data: Sequence[Any]) -> tuple[Any, Any]:
    import torch

    energies = torch.tensor([label.energy / len(atoms) for atoms, label in data], dtype=torch.float32)
    return energies, torch.from_numpy(np.concatenate([label.forces for _, label in data])).float()


def _graft_step(data: Sequence[Any]) -> Callable[[], dict[str, Any]]:
    import torch

    from al_core.models.engine.stack import stack

    models = stack(committee()[:1], torch.float32, torch.device("cpu"))
    batch = models.network.join(models.network.prepare([atoms for atoms, _ in data]))
    parameters = {name: models.weights[name].requires_grad_() for name in models.trainable}
    energies, forces = _targets(data)
    energies = energies - models.atomic_energies[:, 0].float()
    sizes = torch.tensor([float(len(atoms)) for atoms, _ in data])

    def step() -> dict[str, Any]:
        for parameter in parameters.values():
            parameter.grad = None
        predicted = models.network(models.weights, batch)
        loss = ENERGY_WEIGHT * (predicted.energies / sizes - energies).square().mean()
        (loss + (predicted.forces - forces).square().mean()).backward()
        return {name: parameter.grad for name, parameter in parameters.items()}

    return step


def _stock_step(data: Sequence[Any], scripted: bool) -> Callable[[], dict[str, Any]]:
    import torch

    from al_core.models.engine.graphs import graph, join
    from al_core.models.engine.mace import build, cutoff, new_model
    from al_core.models.engine.stack import stack

    bundle, cpu = committee()[0], torch.device("cpu")
    model = build(bundle, torch.float32, cpu)
    if scripted:
        model = new_model(bundle.architecture, bundle.elements, bundle.avg_num_neighbors, torch.float32)
        model.load_state_dict(bundle.weights)
    batch = join([graph(atoms, cutoff(model), torch.float32) for atoms, _ in data], cpu)
    names = stack([bundle], torch.float32, cpu).trainable
    parameters = {name: dict(model.named_parameters())[name] for name in names}
    energies, forces = _targets(data)
    sizes = torch.tensor([float(len(atoms)) for atoms, _ in data])

    def step() -> dict[str, Any]:
        model.zero_grad(set_to_none=True)
        predicted = model(dict(batch), training=True, compute_force=True)
        loss = ENERGY_WEIGHT * ((predicted["energy"]) / sizes - energies).square().mean()
        (loss + (predicted["forces"] - forces).square().mean()).backward()
        return {name: parameter.grad for name, parameter in parameters.items()}

    return step


if __name__ == "__main__":
    main()
