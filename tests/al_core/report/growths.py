"""A small growth in a folder, made without any model: four rounds of two labels, with frames, store and test set."""

from dataclasses import replace
from math import pi, sqrt
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk

from al_core.config.growth import GrowthConfig
from al_core.exploration.frames import Frame, Journey, write_frames
from al_core.labels.store import LabelStore
from al_core.storage.files import write_arrays, write_json
from al_core.storage.hashing import label_key, structure_id
from al_core.structures.datasets import read_structures, write_labelled
from al_core.studies.data import write_structures
from al_core.studies.growth_index import Chosen, Round, write_growth
from al_core.studies.workspace import Workspace
from al_core.types import Label
from al_core.uncertainty.calibration import Calibration

WANTED = 30.0  # meV/Å
PREFACTOR, EXPONENT = 160.0, 0.5  # of the expected errors, meV/Å
WIDTHS = ((0.68, 0.9), (0.90, 1.6), (0.95, 2.0))
SCALE = 2.5
# of each slice of the test set: structures, |z| of every force component, recorded MAE in meV/Å
SLICES = {"crystal_300K": (4, 1.0, 20.0), "surface_300K": (3, 3.0, 220.0)}
FAILURE = "did not converge"
HASHES = {"source": {"hash": "0123abcd"}, "labeler": {"kind": "gpaw", "cutoff_eV": 250.0, "ladder": [{"mixing": 0.02}]}}


def config(**changes) -> GrowthConfig:
    """The config of the growth."""
    settings = {
        "name": "germanium",
        "target": "Ge",
        "source": {"kind": "bundled", "name": "si-pbe"},
        "labeler": "stillinger_weber",
        "purpose": {"temperatures_K": [300, 900], "force_error_meV_per_A": WANTED, "picoseconds": 5, "supercell": 2},
        "labels": 8,
        "batch": 2,
        "drawn": 1,
    }
    return GrowthConfig.model_validate(settings | changes)


def crystal(seed: int, width: float = 0.05) -> Atoms:
    """A rattled crystal."""
    atoms = bulk("Ge", "diamond", 5.66, cubic=True)
    atoms.positions += np.random.default_rng(seed).normal(0, width, atoms.positions.shape)
    atoms.positions = atoms.positions.round(8)
    return atoms


def journeys(lost: int = 0, unphysical: int = 0) -> tuple[Journey, ...]:
    """Four walkers, of which some left the window after 0.1 ps, and others were unphysical after 0.3 ps."""
    ends = [(0.1, True, "")] * lost + [(0.3, False, "atoms too near")] * unphysical
    ends += [(1.0, False, "")] * (4 - len(ends))
    return tuple(
        Journey("crystal" if walker % 2 else "vacancy", 300.0, time, left, failure)
        for walker, (time, left, failure) in enumerate(ends)
    )


def make_growth(folder: Path, rounds: int = 4, tested: bool = True, reason: str = "good enough", **changes) -> Path:
    """Write a growth whose expected errors follow a power law, and return its folder."""
    workspace, settings = Workspace(folder), config(**changes)
    folder.mkdir(parents=True, exist_ok=True)
    write_structures(workspace.pool, [_named(crystal(seed), "crystal_300K") for seed in range(3)])
    if tested:
        write_labelled(workspace.test, _test_set())
    store, made = LabelStore(workspace.store), []
    for number in range(rounds):
        last = number == rounds - 1 and bool(reason)
        made.append(_round(workspace, store, number, reason if last else "", tested))
    _map(workspace, rounds, tested)
    spent = {
        "labels_asked": 6,
        "labels_done": 5,
        "labels_reused": 1,
        "labels_failed": 1,
        "label_core_seconds": 7200.0,
        "failed_core_seconds": 60.0,
        "training_core_seconds": 90.0,
        "store_labels": 5,
        "failures": [{"structure": "abc", "cause": FAILURE}],
        "per_budget": [
            {
                "budget": number + 1,
                "labels": 2 * number + 2,
                "labels_reused": min(number, 1),
                "label_core_seconds": 100.0 * (number + 1) ** 2,
                "training_core_seconds": 10.0 * number,
            }
            for number in range(rounds)
        ],
    }
    write_growth(workspace, settings, made, spent, HASHES)
    return folder


def _map(workspace: Workspace, rounds: int, tested: bool) -> None:
    """Write features: starts and test structures on one line, frames at walker and round."""
    known = {workspace.pool: [[0, number] for number in range(3)]}
    if tested:
        known[workspace.test] = [[0, number % 4] for number in range(7)]  # surfaces are the same structures as crystals
    for number in range(rounds):
        known[workspace.frames(f"exploration{number}")] = [[walker, number] for walker in range(4)]
    names = [structure_id(atoms) for file in known for atoms in read_structures(file)]
    features = np.array([one for some in known.values() for one in some], np.float32)
    arrays = {"inputs": np.array("key"), "structures": np.array(names), "features": features}
    write_arrays(workspace.features("map"), arrays)


def _named(atoms: Atoms, name: str) -> Atoms:
    atoms.info["config_type"] = name
    return atoms


def _test_set() -> list[tuple[Atoms, Label]]:
    rng = np.random.default_rng(7)
    structures = [
        _named(crystal(100 + number), name) for name, (count, _, _) in SLICES.items() for number in range(count)
    ]
    return [(atoms, Label(-4.0 * len(atoms), rng.normal(0, 0.5, (len(atoms), 3)))) for atoms in structures]


def _evaluation(workspace: Workspace, key: str) -> str:
    """Write errors and predictions: every force component is off by the slice's |z| expected standard deviations."""
    metrics = {name: _metrics(count, mae) for name, (count, _, mae) in SLICES.items()}
    metrics["all"] = _metrics(
        sum(SLICES[name][0] for name in SLICES), float(np.mean([mae for *_, mae in SLICES.values()]))
    )
    write_json(workspace.evaluation(key), {"metrics": metrics, "members_force_mae_meV_per_A": [1.0, 2.0]})
    labelled, forces, deviations = _test_set(), [], []
    for number, (atoms, label) in enumerate(labelled):
        expected = 0.02 * (number + 1)  # eV/Å, standard deviation of a component
        z = SLICES[atoms.info["config_type"]][1]
        forces.append(label.forces + z * expected * np.where(np.arange(3) % 2, -1, 1))
        deviations.append(np.full(len(atoms), sqrt(3) * expected / SCALE))
    arrays = {
        "structures": np.array([structure_id(atoms) for atoms, _ in labelled]),
        "energies": np.full(len(labelled), -4.0),
        "forces": np.concatenate(forces).astype(np.float32),
        "deviations": np.concatenate(deviations).astype(np.float32),
    }
    write_arrays(workspace.evaluation_arrays(key), arrays)
    return key


def _metrics(count: int, mae: float) -> dict[str, float]:
    return {
        "n_structures": count,
        "force_mae_meV_per_A": mae,
        "force_rmse_meV_per_A": 1.25 * mae,
        "energy_mae_meV_per_atom": 1.0,
    }


def _stability(workspace: Workspace, key: str) -> str:
    walks = [
        {"ensemble": "nvt", "temperature_K": temperature, "time_ps": 5.0, "failure": ""}
        for temperature in (300.0, 900.0)
    ]
    record = {"properties": {}, "details": {"walks": walks}, "wall_s": 1.0, "failure": ""}
    write_json(workspace.evaluation(key), record)
    return key


def _round(workspace: Workspace, store: LabelStore, number: int, reason: str, tested: bool) -> Round:
    labels = 2 * number
    expected = 1e-3 * PREFACTOR * labels**-EXPONENT if labels else 0.01
    frames = [
        Frame(_named(crystal(10 * number + walker, 0.05 + 0.02 * walker), "crystal_300K"), walker, 0.1, expected, 0.1)
        for walker in range(4)
    ]
    write_frames(workspace.frames(f"exploration{number}"), frames)
    found = Calibration(SCALE, labels, WIDTHS, 0.04) if labels else Calibration(widths=WIDTHS)
    chosen = () if reason else tuple(_chosen(store, frame, number) for frame in frames[:2])
    return Round(
        number=number,
        labels=labels,
        model=f"model{number}",
        calibration=found,
        explorations=(f"exploration{number}",),
        journeys=journeys(lost=1, unphysical=1) if number == 1 else journeys(),
        expected=expected,
        frames=len(frames),
        candidates=3,
        evaluation=_evaluation(workspace, f"errors{number}") if tested else "",
        stability=(_stability(workspace, "dynamics"),) if reason else (),
        reason=reason,
        chosen=chosen,
    )


def _chosen(store: LabelStore, frame: Frame, number: int) -> Chosen:
    """Label a frame, the first of a round at random; the second of the first round fails."""
    name = structure_id(frame.atoms)
    key = label_key(name, {"kind": "none"})
    one = Chosen(name, key, "crystal_300K", 8, frame.walker, 0.1, frame.expected, drawn=frame.walker == 0)
    if frame.walker == 1 and number == 0:
        return replace(one, failure=FAILURE)
    store.claim(key, frame.atoms, "none")
    store.complete(key, Label(-32.0, np.zeros((8, 3)), core_seconds=1000.0 + number))
    return one


def expected_mae(standard_deviation: float) -> float:
    """The expected mean absolute error of a normal distribution."""
    return standard_deviation * sqrt(2 / pi)
