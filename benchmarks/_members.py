"""Graft's side of train_committee.py: the command that trains members in one pass and saves their bundles.

python -m benchmarks._members DATA OUT --seeds 0 1 --steps 400 --threads 1
"""

import argparse
import itertools
import json
import time
import warnings
from pathlib import Path


def main() -> None:
    """Read the labels, train, save bundles, and write the times of the steps and the errors to OUT/SEED.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    warnings.filterwarnings("ignore")

    from al_core.storage.processes import keep_freed_memory

    keep_freed_memory()
    import torch

    from al_core.config.training import Architecture, Training
    from al_core.evaluation.errors import slice_errors
    from al_core.models.arms.scratch import initial_model
    from al_core.models.bundle import save_bundle
    from al_core.models.prediction import predict
    from al_core.models.training.train import train
    from al_core.structures.datasets import LabelKeys, labelled_structures

    torch.set_num_threads(given.threads)
    cpu = torch.device("cpu")
    data = labelled_structures(given.data, LabelKeys())
    starts = [initial_model(Architecture(), data, ["Si"], seed, cpu) for seed in given.seeds]
    settings = Training(steps=given.steps, batch_size=4, stress_weight=0.0, ema_decay=0.99, optimizer="adam")
    marks = [time.perf_counter()]
    found = train(starts, data, settings, 0.01, 0, cpu, lambda _done, _total: marks.append(time.perf_counter()))
    committee = [bundle for bundle in found if bundle is not None]
    for seed, bundle in zip(given.seeds, committee, strict=True):
        save_bundle(bundle, given.out / f"member-{seed}")
    errors = slice_errors(predict(committee, [atoms for atoms, _ in data], cpu), data)
    steps = [end - begin for begin, end in itertools.pairwise(marks)]
    (given.out / f"{given.seeds[0]}.json").write_text(json.dumps({"steps": steps, "errors": errors}))


if __name__ == "__main__":
    main()
