"""Training a committee of four: 400 steps each, 16 structures in batches of 4, from the labels to the saved models.

Graft, two members in one pass a process, against one ``mace_run_train`` a member: same architecture (Graft's default),
steps, batches, optimizer (Adam with AMSGrad, running average, clipping) and loss (weighted energy per atom and forces).
Wall time of the whole commands; each side with the better of one process a core with one thread, and one process with
all threads. mace_run_train evaluates its one validation structure twice, makes no plots, and runs in float32, too.
Required: 4 for 8 atoms, 3 for 64 atoms. The ratio is that of 64 atoms.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks._common import CORES, ENERGY_WEIGHT, labelled, options, ratio, table

SIZES = (8, 64)
MEMBERS, STEPS, STRUCTURES, BATCH = 4, 400, 16, 4
TRIAL_STEPS = {8: 16, 64: 8}  # to choose the number of threads; and all there is with --quick
_EPOCH = STRUCTURES // BATCH


@dataclass(frozen=True)
class Run:
    """Wall seconds of training the whole committee, of which so many were steps; and seconds of one step of a member.

    ``estimated`` if it was run for fewer steps, or fewer members, and counted up.
    """

    layout: str
    wall: float
    stepping: float
    step: float
    estimated: bool = False


Side = Callable[[Path, int, int], Run]


def main() -> None:
    """Run the comparison."""
    given = options(__doc__, repeats=3, quick_repeats=1)
    if given.quick:
        print("quick: a few steps only, counted up to 400, and of mace_run_train only one member a core;")
        print(f"       one process a core with one thread ({CORES} x 1) on both sides; the ratio is an estimate")
    rows, last = [], 0.0
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _write_data(folder, size)
            runs = _quick(folder, size) if given.quick else _full(folder, size, given.repeats)
        last = statistics.median(run.wall for run in runs["mace_run_train"]) / statistics.median(
            run.wall for run in runs["graft"]
        )
        stepping = [statistics.median(run.stepping for run in runs[side]) for side in ("mace_run_train", "graft")]
        for side, found in runs.items():
            walls = sorted(run.wall for run in found)
            middle = sorted(found, key=lambda run: run.wall)[len(found) // 2]
            rows.append(
                (
                    size,
                    side,
                    middle.layout,
                    f"{statistics.median(walls):.1f} ({walls[0]:.1f} to {walls[-1]:.1f})",
                    f"{100 * (1 - middle.stepping / middle.wall):.0f} %",
                    f"{1e3 * middle.step:.0f}",
                    f"{last:.2f}" if side == "graft" else "",
                    f"{stepping[0] / stepping[1]:.2f}" if side == "graft" else "",
                )
            )
    print("\nstart-up and the rest: all but the steps, for mace_run_train also its final compilation and error table")
    wall = f"s for {MEMBERS} x {STEPS} steps" + (", estimated" if given.quick else " (range)")
    header = ("atoms", "side", "processes x threads", wall, "start-up and the rest", "ms a step and member")
    table((*header, "times as fast", "steps alone"), rows)
    ratio(last)


def _quick(folder: Path, size: int) -> dict[str, list[Run]]:
    sides: dict[str, Side] = {"graft": _graft, "mace_run_train": partial(_stock, some=True)}
    return {name: [side(folder, CORES, TRIAL_STEPS[size])] for name, side in sides.items()}


def _full(folder: Path, size: int, repeats: int) -> dict[str, list[Run]]:
    trials: dict[str, Side] = {"graft": _graft, "mace_run_train": partial(_stock, some=True)}
    best = {}
    for name, trial in trials.items():
        walls = {processes: trial(folder, processes, TRIAL_STEPS[size]).wall for processes in sorted({1, CORES})}
        best[name] = min(walls, key=walls.__getitem__)
    sides: dict[str, Side] = {"graft": _graft, "mace_run_train": _stock}
    runs: dict[str, list[Run]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, side in sides.items():
            runs[name].append(side(folder, best[name], STEPS))
    return runs


def _write_data(folder: Path, size: int) -> None:
    from al_core.structures.datasets import write_labelled

    data = labelled(STRUCTURES + 1, size)
    write_labelled(folder / "train.extxyz", data[:STRUCTURES])
    write_labelled(folder / "valid.extxyz", data[STRUCTURES:])


def _run(commands: list[list[str]], threads: int, folder: Path) -> float:
    """Run commands at once and return the seconds until the last one ends."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads))}
    begin = time.perf_counter()
    running = []
    for number, command in enumerate(commands):
        with (folder / f"output-{number}.txt").open("w") as output:
            running.append(
                subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
            )
    for number, process in enumerate(running):
        if process.wait():
            raise RuntimeError(f"{' '.join(commands[number])}\n{(folder / f'output-{number}.txt').read_text()[-3000:]}")
    return time.perf_counter() - begin


def _graft(folder: Path, processes: int, steps: int) -> Run:
    """Train all members, those of a process in one pass."""
    threads = CORES // processes
    shares = [[str(number) for number in range(start, MEMBERS, processes)] for start in range(processes)]
    with tempfile.TemporaryDirectory(dir=folder) as out:
        options = ["--steps", str(steps), "--threads", str(threads), "--seeds"]
        command = [sys.executable, "-m", "benchmarks._members", str(folder / "train.extxyz"), out, *options]
        wall = _run([[*command, *share] for share in shares], threads, folder)
        times = [json.loads((Path(out) / f"{share[0]}.json").read_text())["steps"] for share in shares]
    stepping = max(sum(one) for one in times)
    step = statistics.median(one for share in times for one in share[len(share) // 2 :])  # of all members of a process
    left = STEPS - steps
    each = step * processes / MEMBERS
    return Run(f"{processes} x {threads}", wall + left * step, stepping + left * step, each, left > 0)


def _stock(folder: Path, processes: int, steps: int, some: bool = False) -> Run:
    """Train all members, a run for each; or ``some`` of them, one a process, and count them up."""
    threads = CORES // processes
    rounds = MEMBERS // processes
    wall, times = 0.0, []
    with tempfile.TemporaryDirectory(dir=folder) as out:
        for start in range(0, processes if some else MEMBERS, processes):
            numbers = range(start, start + processes)
            wall += _run([_stock_command(folder, out, number, steps) for number in numbers], threads, folder)
            times += [_stock_steps(Path(out), number) for number in numbers]
    assert all(len(one) == steps for one in times)
    factor = rounds if some else 1
    stepping = statistics.mean(sum(one) for one in times) * rounds
    step = statistics.median(one for member in times for one in member[len(member) // 2 :])
    left = (STEPS - steps) * step * rounds
    return Run(f"{processes} x {threads}", wall * factor + left, stepping + left, step, some or left > 0)


def _stock_command(folder: Path, out: str, number: int, steps: int) -> list[str]:
    epochs = steps // _EPOCH
    settings: dict[str, object] = {
        "name": f"member-{number}",
        "seed": number,
        "work_dir": out,
        "train_file": folder / "train.extxyz",
        "valid_file": folder / "valid.extxyz",
        "E0s": "average",
        "model": "MACE",
        "num_channels": 32,
        "max_L": 0,
        "num_interactions": 2,
        "r_max": 5.0,
        "max_ell": 3,
        "correlation": 3,
        "radial_MLP": "[64, 64, 64]",
        "num_radial_basis": 8,
        "num_cutoff_basis": 5,
        "loss": "weighted",
        "energy_weight": ENERGY_WEIGHT,
        "forces_weight": 1.0,
        "batch_size": BATCH,
        "valid_batch_size": 1,
        "max_num_epochs": epochs,
        "eval_interval": max(1, epochs - 1),  # before the first epoch and after the last
        "lr": 0.01,
        "ema_decay": 0.99,
        "default_dtype": "float32",
        "device": "cpu",
        "plot": False,
    }
    program = Path(sys.executable).with_name("mace_run_train")
    return [str(program), *(f"--{key}={value}" for key, value in settings.items()), "--amsgrad", "--ema"]


def _stock_steps(out: Path, number: int) -> list[float]:
    """Return the seconds of each step as mace wrote them down."""
    [file] = out.glob(f"results/member-{number}_*_train.txt")
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    return [entry["time"] for entry in entries if entry["mode"] == "opt"]


if __name__ == "__main__":
    main()
