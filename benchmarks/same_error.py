"""Training to the same error: SOAP, the default, against Adam with AMSGrad, mace's own.

Two silicon models side by side on nine tenths of the shipped data set, batches of four, each optimizer at its best
learning rate (0.03 and 0.01); the error is that of forces on the other tenth. Adam trains for a number of steps, SOAP
for an eighth, a quarter, a half and all of it, each along its own schedule. The ratio is Adam's time by that of the
shortest SOAP that is no worse, the median over seeds; 0 where none is.
"""

import statistics

from benchmarks._common import options, process, ratio, table

STEPS, QUICK_STEPS = 2000, 600
SHARES = (0.125, 0.25, 0.5, 1.0)
RATES = {"adam": 0.01, "soap": 0.03}


def main() -> None:
    """Run the comparison."""
    given = options(__doc__, repeats=3, quick_repeats=1)
    steps = QUICK_STEPS if given.quick else STEPS
    runs = [("adam", steps), *(("soap", round(share * steps)) for share in SHARES)]
    found: dict[tuple[str, int], list[tuple[float, float]]] = {run: [] for run in runs}
    with process(graft=True) as ours:
        for seed in range(given.repeats):
            for run in runs:
                found[run].append(ours(measure, *run, seed))
    faster = []
    for number, (slow, goal) in enumerate(found["adam", steps]):
        enough = [found[run][number][0] for run in runs[1:] if found[run][number][1] <= goal]
        faster.append(slow / min(enough) if enough else 0.0)
    rows = [
        (
            optimizer,
            count,
            f"{statistics.median(seconds for seconds, _ in one):.1f}",
            ", ".join(f"{error:.1f}" for _, error in one),
        )
        for (optimizer, count), one in found.items()
    ]
    table(("optimizer", "steps", "s", "force MAE, meV/Å, of each seed"), rows)
    ratio(statistics.median(faster))


def measure(optimizer: str, steps: int, seed: int) -> tuple[float, float]:
    """Return the seconds of training, and the force MAE on the structures held out, meV/Å."""
    import time

    import torch

    from al_core.config.training import Architecture, Training
    from al_core.evaluation.errors import slice_errors
    from al_core.models.arms.scratch import initial_model
    from al_core.models.prediction import predict
    from al_core.models.sources.pretraining import split
    from al_core.models.training.train import train
    from al_core.structures.datasets import bundled

    torch.set_num_threads(1)
    cpu = torch.device("cpu")
    labelled, held_out = split(bundled("si-train-pbe").path)
    starts = [initial_model(Architecture(), labelled, ["Si"], 2 * seed + number, cpu) for number in range(2)]
    settings = Training(steps=steps, optimizer=optimizer, ema_decay=0.99)
    begin = time.perf_counter()
    committee = [bundle for bundle in train(starts, labelled, settings, RATES[optimizer], seed, cpu) if bundle]
    spent = time.perf_counter() - begin
    errors = slice_errors(predict(committee, [atoms for atoms, _ in held_out], cpu), held_out)
    return spent, errors["all"]["force_mae_meV_per_A"]


if __name__ == "__main__":
    main()
