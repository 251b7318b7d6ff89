"""The program that makes the data and models shipped with Graft, with real DFT.

    python -m flows.make_assets --work DIR

It samples and labels the data sets of ``configs/assets``, writes them with their data sheets, and trains the silicon
committee of ``configs/pretrain_si.yaml`` on one of them. Labels and models are kept in DIR: after a kill the same
command goes on where it stood.
"""

import argparse
import json
import os
import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ase import Atoms

from al_core.config.base import Element, Name, Strict
from al_core.config.labelers import LabelerPart
from al_core.config.reading import load_config
from al_core.config.structures import MDStructures
from al_core.labels.store import LabelStore
from al_core.storage.files import write_json, write_text
from al_core.storage.hashing import file_sha256, label_key, structure_id
from al_core.structures.datasets import ASSETS, LabelKeys, labelled_structures
from al_core.structures.sampling import sample
from al_core.structures.seeding import Role
from al_core.studies.data import write_structures
from al_core.studies.workspace import Workspace
from calculators.base import make_labeler
from calculators.classical.stillinger_weber import PARAMETERS, stillinger_weber

_CONFIGS = Path(__file__).resolve().parents[1] / "configs"
_LIMITS = (
    "cells of {smallest} to {largest} atoms; spin-paired; as far from tight labels as docs/results/convergence.md says"
)


class DataSetConfig(Strict):
    """One shipped data set; with ``extends`` its structures come after those of another shipped one."""

    name: Name
    extends: Name | None = None
    element: Element
    purpose: str
    role: Role
    labeler: LabelerPart
    structures: MDStructures


def make_data_set(config: DataSetConfig, work: Path, data: Path) -> None:
    """Sample and label a data set and write it with its data sheet; a finished one is left as it is."""
    from flows import label_structures

    sheet = data / f"{config.name}.json"
    if sheet.exists():
        return
    structures = work / f"{config.name}.extxyz"
    if not structures.exists():
        write_structures(structures, sample(config.structures, config.element, stillinger_weber, config.role))
    labelled = label_structures(str(structures), config.labeler.model_dump(), str(work))
    target = data / f"{config.name}.extxyz"
    data.mkdir(parents=True, exist_ok=True)
    before = (data / f"{config.extends}.extxyz").read_text() if config.extends else ""
    write_text(target, before + Path(labelled).read_text())
    write_json(sheet, _sheet(config, target, work))


def _sheet(config: DataSetConfig, file: Path, work: Path) -> dict[str, Any]:
    structures: list[Atoms] = [atoms for atoms, _ in labelled_structures(file, LabelKeys())]
    identity = make_labeler(config.labeler).identity()
    store = LabelStore(Workspace(work).store)
    before = json.loads((file.parent / f"{config.extends}.json").read_text()) if config.extends else {}
    own = structures[before.get("structures", 0) :]
    entries = [store.get(label_key(structure_id(atoms), identity)) for atoms in own]
    return {
        "name": config.name,
        "file": file.name,
        "sha256": file_sha256(file),
        "element": config.element,
        "purpose": config.purpose,
        "structures": len(structures),
        "slices": dict(Counter(str(atoms.info["config_type"]) for atoms in structures)),
        "keys": {"energy": "REF_energy, eV", "forces": "REF_forces, eV/Å", "stress": "REF_stress, eV/Å^3, Voigt"},
        "labeler": identity,
        "core_seconds": round(before.get("core_seconds", 0.0) + sum(e.core_seconds for e in entries if e), 3),
        "sampler": {
            "potential": "Stillinger-Weber",
            "parameters": PARAMETERS[config.element],
            "settings": config.structures.model_dump(mode="json"),
        },
        **({"extends": {key: before[key] for key in ("name", "sha256", "made", "sampler")}} if before else {}),
        "made": datetime.now(UTC).date().isoformat(),
        "known_limits": _LIMITS.format(smallest=min(map(len, structures)), largest=max(map(len, structures))),
        "license": "MIT, as Graft",
    }


def main() -> None:
    """Make everything that is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for labels and half-finished models")
    work = parser.parse_args().work.resolve()
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    configs = [load_config(DataSetConfig, path) for path in sorted((_CONFIGS / "assets").glob("*.yaml"))]
    for config in sorted(configs, key=lambda config: config.extends is not None):
        make_data_set(config, work, ASSETS / "data")
    from flows import pretrain

    committee = pretrain(str(_CONFIGS / "pretrain_si.yaml"), str(work / "si-pbe-2"))
    shutil.copytree(
        committee,
        ASSETS / "models" / "si-pbe-2",
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("*.extxyz", "labels*", "*.lock"),
    )


if __name__ == "__main__":
    main()
