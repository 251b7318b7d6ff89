"""A foundation model as it is, and fine-tuned: CHGNet on the same few labels; ``python -m benchmarks.fine_tuning``.

CHGNet 0.3.0 (``pip install graft-mlip[foundation]``) is trained by its own trainer on random labels of the shipped
germanium pool, all weights free but the energies of its atoms. To labels one constant per atom is added, so that their
mean energy is CHGNet's. Force MAE (meV/Å), energy MAE (meV/atom) and stress MAE (GPa) on the frozen test set, mean over
its slices; for the zero of energies one constant per atom is taken off there too. A row is the mean over draws, with
its 95 % t interval. With ``--develop`` errors are those on the pool's other structures: there settings are chosen. With
``--study FOLDER`` it is trained on the random labels of a finished study, seed by seed, and measured on its test set.
"""

import argparse
import contextlib
import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks._common import one_thread, table
from benchmarks._draws import POOL, TEST, drawn, shipped

if TYPE_CHECKING:
    from ase import Atoms

    from al_core.types import Label

    Labelled = list[tuple[Atoms, Label]]

BATCH, BATCHES_OF_AN_EPOCH = 4, 10  # its schedule of the learning rate takes ten steps an epoch
METRICS = ("force_mae_meV_per_A", "energy_mae_meV_per_atom", "stress_mae_GPa")


def main() -> None:
    """Run the draws one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=int, nargs="+", default=[1, 4, 16, 64], help="budgets (default 1 4 16 64)")
    parser.add_argument("--draws", type=int, default=3, help="random draws of labels (default %(default)s)")
    parser.add_argument("--epochs", type=int, default=20, help="of ten steps of four labels (default %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="largest (default %(default)s)")
    parser.add_argument("--develop", action="store_true", help="measure on other structures of the pool")
    parser.add_argument("--study", type=Path, help="folder of a study, whose labels and test set are taken instead")
    given = parser.parse_args()
    print((__doc__ or "").strip())
    one_thread()
    from al_core.structures.datasets import LabelKeys, labelled_structures
    from al_core.studies.workspace import Workspace

    rows: list[tuple[object, ...]] = []
    if not given.develop:
        test = labelled_structures(Workspace(given.study).test, LabelKeys()) if given.study else shipped(TEST)
        rows.append((0, "as it is", *(f"{value:.3g}" for value in errors(chgnet(), test))))
    for labels in given.labels:
        found, begin = [], time.process_time()
        draws = of_study(given.study, labels) if given.study else [drawn(labels, one) for one in range(given.draws)]
        for draw, train in enumerate(draws):
            if given.develop:
                test = drawn(len(shipped(POOL)), draw)[max(given.labels) :]
            found.append(errors(fine_tuned(train, given.epochs, given.learning_rate, draw), test))
            print(f"{labels} labels, draw {draw}: {found[-1][0]:.1f} meV/Å", flush=True)
        seconds = (time.process_time() - begin) / len(draws)
        rows.append((labels, f"{seconds:.0f}", *(interval([one[i] for one in found]) for i in range(len(METRICS)))))
    table(("labels", "core-seconds, with the test", "force MAE", "energy MAE", "stress MAE"), rows)


def of_study(folder: Path, labels: int) -> "list[Labelled]":
    """Return the labels that the arms of a finished study have in common where they are drawn at random, by seed."""
    from al_core.labels.obtaining import finished
    from al_core.labels.store import LabelStore
    from al_core.studies.results import load_results
    from al_core.studies.workspace import Workspace

    store = LabelStore(Workspace(folder).store)
    random = [row for row in load_results(folder).rows if (row.acquisition, row.budget) == ("random", labels)]
    draws = {row.seed: row.labels for row in random}
    if not draws:
        raise SystemExit(f"--study {folder}: no random labels with a budget of {labels}; choose others by --labels")
    return [[finished(store, key) for key in draws[seed]] for seed in sorted(draws)]


def interval(values: Sequence[float]) -> str:
    """Return mean and spread as the pages of results write them."""
    from al_core.studies.curves import spread_of

    spread = spread_of(values)
    return f"{np.mean(values):.3g} ({spread.low:.3g} to {spread.high:.3g})"


def chgnet() -> Any:
    """Return CHGNet 0.3.0 as its package loads it, but that no code of its file is executed."""
    import torch
    from chgnet.model.model import CHGNet

    from calculators.foundation.chgnet import weights_file

    with contextlib.redirect_stdout(io.StringIO()):
        saved = torch.load(weights_file("0.3.0"), map_location="cpu", weights_only=True)
        return CHGNet.from_dict(saved["model"], mlp_out_bias=False, version="0.3.0")


def fine_tuned(labelled: "Labelled", epochs: int, learning_rate: float, seed: int) -> Any:
    """Return CHGNet trained on some labels, the model after the last epoch."""
    from chgnet.data.dataset import StructureData, collate_graphs
    from chgnet.trainer import Trainer
    from torch.utils.data import DataLoader

    model = chgnet()
    structures = [structure(atoms) for atoms, _ in labelled]
    own = predictions(model, [atoms for atoms, _ in labelled])
    per_atom = [label.energy / len(atoms) for atoms, label in labelled]
    shift = np.mean([found["e"] for found in own]) - np.mean(per_atom)
    stresses = [in_gpa(label) for _, label in labelled if label.stress is not None]
    batch = min(BATCH, len(labelled))
    times = -(-batch * BATCHES_OF_AN_EPOCH // len(labelled))
    with contextlib.redirect_stdout(io.StringIO()):
        data = StructureData(
            structures * times,
            [energy + shift for energy in per_atom] * times,
            [label.forces for _, label in labelled] * times,
            stresses=stresses * times or None,
            graph_converter=model.graph_converter,
        )
        loader = DataLoader(data, batch_size=batch, shuffle=True, collate_fn=collate_graphs)
        watched = DataLoader(data, batch_size=1, sampler=[0], collate_fn=collate_graphs)  # nothing is chosen by it
        settings: dict[str, Any] = {"epochs": epochs, "learning_rate": learning_rate, "torch_seed": seed}
        trainer = Trainer(model, targets="efs" if stresses else "ef", use_device="cpu", print_freq=10**6, **settings)
        trainer.train(loader, watched, save_dir="")
    return model


def structure(atoms: "Atoms") -> Any:
    """Return a structure as pymatgen has it."""
    from pymatgen.core.structure import Structure

    return Structure(atoms.cell.array, atoms.numbers, atoms.get_scaled_positions(wrap=False))


def in_gpa(label: "Label") -> np.ndarray:
    """Return the stress of a label, [3, 3], GPa, positive under tension as CHGNet's."""
    from ase.stress import voigt_6_to_full_3x3_stress
    from ase.units import GPa

    stress: np.ndarray = voigt_6_to_full_3x3_stress(label.stress) / GPa
    return stress


def predictions(model: Any, structures: "list[Atoms]") -> list[dict[str, np.ndarray]]:
    """Return what a model predicts: e eV/atom, f eV/Å, s GPa."""
    return [model.predict_structure(structure(atoms), task="efs") for atoms in structures]


def errors(model: Any, labelled: "Labelled") -> list[float]:
    """Return the errors of a model, mean over slices, in the order of ``METRICS``; nan where labels have no stress."""
    from ase.stress import full_3x3_to_voigt_6_stress
    from ase.units import GPa

    from al_core.evaluation.errors import slice_errors
    from al_core.models.prediction import Predictions

    found = predictions(model, [atoms for atoms, _ in labelled])
    sizes = np.array([len(atoms) for atoms, _ in labelled])
    energies = sizes * np.array([float(one["e"]) for one in found])
    off = np.mean((energies - [label.energy for _, label in labelled]) / sizes)
    predicted = Predictions(
        energies=(energies - off * sizes)[:, None],
        forces=[one["f"][None] for one in found],
        stresses=np.array([[full_3x3_to_voigt_6_stress(one["s"]) * GPa] for one in found]),
    )
    mean = slice_errors(predicted, labelled)["all"]
    return [mean.get(metric, np.nan) for metric in METRICS]


if __name__ == "__main__":
    main()
