"""How time and memory grow: per atom from 8 to 4,096 atoms, and per training step from 1 to 16 members.

Graft's engine alone, one thread, float32, each size in a process of its own. Inference: energies, forces and stresses
of four members, neighbours found anew. Training: loss and gradient of batches of 4 x 8 and 2 x 64 atoms.
The ratio is the largest by the smallest time per atom from 64 atoms on: smaller is better here, 1 is flat.
"""

import resource
import statistics
import time
from collections.abc import Callable

from benchmarks._common import ENERGY_WEIGHT, committee, labelled, options, process, ratio, silicon, table

SIZES, QUICK_SIZES = (8, 64, 216, 512, 1000, 1728, 4096), (8, 64, 512, 4096)
MEMBERS, QUICK_MEMBERS = (1, 2, 4, 8, 16), (1, 4, 16)
BATCHES = ((4, 8), (2, 64))
SECONDS_EACH = 0.3  # calls are repeated within a repeat until so much time is spent


def main() -> None:
    """Run all sizes."""
    given = options(__doc__, repeats=7, quick_repeats=2)
    sizes, members = (QUICK_SIZES, QUICK_MEMBERS) if given.quick else (SIZES, MEMBERS)
    rows: list[tuple[object, ...]] = []
    per_atom = {}
    for size in sizes:
        with process(graft=True) as run:
            spent, before, peak = run(inference, size, given.repeats)
        per_atom[size] = 1e6 * spent / size
        more = 1e3 * (peak - before) / size
        rows.append((size, f"{1e3 * spent:.1f}", f"{per_atom[size]:.0f}", f"{peak:.0f}", f"{more:.0f}"))
    table(("atoms", "ms a step of 4 members", "µs/atom", "peak MB", "kB/atom above the start"), rows)
    rows = []
    for structures, atoms in BATCHES[1:] if given.quick else BATCHES:
        for number in members:
            with process(graft=True) as run:
                spent, before, peak = run(training, structures, atoms, number, given.repeats)
            each = f"{1e3 * spent / number:.1f}"
            rows.append(
                (f"{structures} x {atoms}", number, f"{1e3 * spent:.1f}", each, f"{peak:.0f}", f"{peak - before:.0f}")
            )
    table(("structures x atoms", "members", "ms a step", "ms a member", "peak MB", "MB above the start"), rows)
    large = [value for size, value in per_atom.items() if size >= 64]
    print("smaller is better, 1 is flat: the largest by the smallest time per atom from 64 atoms on")
    ratio(max(large) / min(large))


def inference(size: int, repeats: int) -> tuple[float, float, float]:
    """Return the seconds of a step, and the peak memory before and after, MB."""
    import torch

    from al_core.models.calculator import CommitteeCalculator

    torch.set_num_threads(1)
    calculator = CommitteeCalculator(committee(), torch.device("cpu"))
    calculator.calculate(silicon(8))
    atoms, before = silicon(size), _peak()
    return _median(lambda: calculator.calculate(atoms), repeats), before, _peak()


def training(structures: int, n_atoms: int, members: int, repeats: int) -> tuple[float, float, float]:
    """Return the seconds of a training step, and the peak memory before and after, MB."""
    import torch

    from al_core.models.engine.stack import stack

    torch.set_num_threads(1)
    bundles = [committee()[number % len(committee())] for number in range(members)]
    models = stack(bundles, torch.float32, torch.device("cpu"))
    data = labelled(structures, n_atoms)
    batch = models.network.join(models.network.prepare([atoms for atoms, _ in data]))
    forces = torch.cat([torch.from_numpy(label.forces) for _, label in data]).float()
    parameters = [models.weights[name].requires_grad_() for name in models.trainable]

    def step() -> None:
        for parameter in parameters:
            parameter.grad = None
        predicted = models.network(models.weights, batch)
        loss = ENERGY_WEIGHT * (predicted.energies / n_atoms).square().mean(1) + (
            predicted.forces - forces
        ).square().mean((1, 2))
        loss.sum().backward()

    before = _peak()
    return _median(step, repeats), before, _peak()


def _peak() -> float:
    """Return the most memory this process has used so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _median(call: Callable[[], object], repeats: int) -> float:
    """Return the median seconds of a call; short calls are repeated within a repeat."""
    begin = time.perf_counter()
    call()
    times = max(1, int(SECONDS_EACH / (time.perf_counter() - begin)))
    found = []
    for _ in range(repeats):
        begin = time.perf_counter()
        for _ in range(times):
            call()
        found.append((time.perf_counter() - begin) / times)
    return statistics.median(found)


if __name__ == "__main__":
    main()
