"""How well the cost of labels is predicted: ``python -m benchmarks.cost_model FOLDER``, a folder with a label store.

Fits the model of ``graft study plan`` to some of the store's finished GPAW labels, drawn at random, and predicts the
others; and without any, which is what a first study has. Twenty draws.
"""

import argparse
from pathlib import Path

import numpy as np

from al_core.labels.costs import Known, learn
from al_core.labels.store import LabelStore
from al_core.studies.workspace import Workspace
from benchmarks._common import table
from flows.planning import known_costs

FITTED, DRAWS = (0, 5, 20, 0.5), 20


def main() -> None:
    """Predict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of a study, a convergence study or labelled structures")
    folder = parser.parse_args().folder
    workspace = Workspace(folder)
    if not workspace.has_store:
        parser.error(f"{folder} has no label store")
    known = known_costs(LabelStore(workspace.store).entries(), "gpaw")
    if len(known) <= max(FITTED):
        parser.error(f"{folder} has {len(known)} finished GPAW labels, and more than {max(FITTED)} are needed")
    taken = [one.seconds for one in known]
    print((__doc__ or "").strip())
    print(f"\n{len(known)} labels of {min(taken):.0f} to {max(taken):.0f} core-seconds")
    rows = []
    for number in (int(share * len(known)) if isinstance(share, float) else share for share in FITTED):
        off = np.concatenate([_errors(known, number, np.random.default_rng(draw)) for draw in range(DRAWS)])
        within = np.mean(np.abs(off) <= 0.3)
        rows.append((number, f"{np.median(np.abs(off)):.0%}", f"{np.sqrt(np.mean(off**2)):.0%}", f"{within:.0%}"))
    table(("labels fitted to", "median error of the others", "rms", "within 30 %"), rows)


def _errors(known: list[Known], number: int, rng: np.random.Generator) -> np.ndarray:
    """Return predicted over true cost minus one of all labels but ``number``, to which the model is fitted."""
    order = rng.permutation(len(known))
    model = learn([known[index] for index in order[:number]])
    return np.array([model.seconds(known[i].estimate, known[i].factors) / known[i].seconds - 1 for i in order[number:]])


if __name__ == "__main__":
    main()
