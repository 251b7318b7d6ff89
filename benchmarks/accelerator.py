"""The same work on the processor and on a GPU: how much sooner, how far apart? ``python -m benchmarks.accelerator``.

Four models. Energy, forces, stress and spread of rattled crystals, neighbours found anew; and steps of SOAP. The
processor has all of its cores, by PyTorch's threads. "Apart": the relative difference of the forces, in float32; after
training, of those of the trained models on other structures. The ratio is that of the smallest training batch.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks._common import CORES, committee, labelled, ratio, silicon, table

SIZES = (64, 512, 1728)
BATCHES = ((4, 8), (2, 64))  # structures, atoms of each
STEPS = (10, 50)  # the time of a step is that between the two


def main() -> None:
    """Run the comparison."""
    import torch

    print((__doc__ or "").strip())
    if not torch.cuda.is_available():
        raise SystemExit("no CUDA device here")
    print(f"\n{torch.cuda.get_device_name()}, {CORES} cores, torch {torch.__version__}")
    torch.set_num_threads(CORES)
    rows, faster = [], 0.0
    for size in SIZES:
        (slow, expected), (fast, found) = (_forces(size, torch.device(name)) for name in ("cpu", "cuda"))
        rows.append((f"forces, {size} atoms", *_compared(slow, fast, expected, found)))
    for structures, atoms in BATCHES:
        (slow, expected), (fast, found) = (_training(structures, atoms, torch.device(name)) for name in ("cpu", "cuda"))
        rows.append((f"training step, {structures} x {atoms} atoms", *_compared(slow, fast, expected, found)))
        faster = faster or slow / fast
    table(("work", "CPU, ms", "GPU, ms", "times as fast", "apart"), rows)
    ratio(faster)


def _compared(slow: float, fast: float, expected: np.ndarray, found: np.ndarray) -> tuple[str, ...]:
    apart = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    return f"{1e3 * slow:.1f}", f"{1e3 * fast:.1f}", f"{slow / fast:.1f}", f"{apart:.0e}"


def _forces(size: int, device: Any) -> tuple[float, np.ndarray]:
    """Return the seconds of a step of dynamics, and the forces of the first."""
    from al_core.models.calculator import CommitteeCalculator

    atoms, rng = silicon(size), np.random.default_rng(0)
    atoms.calc = CommitteeCalculator(committee(), device)
    first = atoms.get_forces()

    def step() -> None:
        atoms.positions += rng.normal(scale=0.01, size=(size, 3))
        atoms.get_forces()

    step()
    return _seconds(step, 5), first


def _training(structures: int, atoms: int, device: Any) -> tuple[float, np.ndarray]:
    """Return the seconds of a step, and the forces of the trained models on other structures."""
    from al_core.config.training import Training
    from al_core.models.prediction import predict
    from al_core.models.training.train import train

    data = labelled(4 * structures, atoms)
    took, trained = [], []
    for steps in (STEPS[0], *STEPS):  # the first finds kernels and memory
        settings = Training(steps=steps, batch_size=structures)
        begin = time.perf_counter()
        trained = [bundle for bundle in train(committee(), data, settings, 0.003, 0, device) if bundle]
        took.append(time.perf_counter() - begin)
    forces = predict(trained, [silicon(8, 1000 + number) for number in range(4)], device).forces
    return (took[2] - took[1]) / (STEPS[1] - STEPS[0]), np.concatenate([one.mean(axis=0) for one in forces])


def _seconds(call: Callable[[], object], times: int) -> float:
    begin = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - begin) / times


if __name__ == "__main__":
    main()
