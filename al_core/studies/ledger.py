"""The study's index file: grid, ledger and provenance, written again after every budget."""

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from al_core.config.study import StudyConfig
from al_core.labels.store import LabelStore
from al_core.storage.files import read_json, write_json
from al_core.studies.grid import Chain, Place
from al_core.studies.workspace import Workspace

_PACKAGES = (
    *("graft-mlip", "torch", "mace-torch", "e3nn", "ase", "gpaw", "gpaw-data", "matscipy", "prefect"),
    *("numpy", "scipy", "pydantic", "safetensors"),
)


def versions() -> dict[str, str]:
    """Return the versions of what decides the results; 'not installed' where a package is absent."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def machine() -> dict[str, Any]:
    """Return what the results were computed on."""
    return {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()}


def ledger(
    place: Workspace, labels: Mapping[int, Sequence[str]], cells: Mapping[int, Sequence[str]], test_labels: int
) -> dict[str, Any]:
    """Return what a study has spent so far.

    Args:
        place: the study's folder.
        labels: for each budget, the keys of all labels any chain has used up to it.
        cells: for each budget, the keys of the cells trained at it.
        test_labels: how many labels of the test set were computed for this study.
    """
    entries = {entry.key: entry for entry in LabelStore(place.store).entries()}
    failed = [entry for entry in entries.values() if entry.state == "failed"]
    per_budget = []
    training = 0.0
    for budget, keys in labels.items():
        training += sum(float(read_json(place.cell(key))["core_seconds"]) for key in cells[budget])
        per_budget.append(
            {
                "budget": budget,
                "labels": len(keys),
                "label_core_seconds": sum(entries[key].core_seconds for key in keys),
                "training_core_seconds": training,
            }
        )
    return {
        "labels_done": sum(entry.state == "done" for entry in entries.values()),
        "labels_failed": len(failed),
        "label_core_seconds": sum(entry.core_seconds for entry in entries.values()),
        "failed_core_seconds": sum(entry.core_seconds for entry in failed),
        "training_core_seconds": training,
        "test_labels": test_labels,
        "failures": [{"structure": entry.structure, "cause": entry.cause} for entry in failed],
        "per_budget": per_budget,
    }


def write_summary(
    place: Workspace,
    config: StudyConfig,
    grid: Mapping[tuple[Place, int], str],
    baselines: Mapping[tuple[Place, int], str],
    expected: int,
    spent: dict[str, Any],
    hashes: dict[str, Any],
) -> None:
    """Write ``study.json``: everything :func:`al_core.studies.results.load_results` reads.

    Args:
        place: the study's folder.
        config: the study.
        grid: the finished places: (place, budget) to cell key.
        baselines: the baseline's cells on the same labels, likewise, where there is a baseline.
        expected: how many there will be.
        spent: see :func:`ledger`.
        hashes: content hashes and settings that tell what the results were made from.
    """
    rows = [
        {
            "comparison": where.comparison,
            "arm": where.arm,
            "acquisition": where.chain.acquisition,
            "seed": where.chain.seed,
            "budget": budget,
            "cell": key,
            "baseline_cell": baselines.get((where, budget), ""),
        }
        for (where, budget), key in grid.items()
    ]
    write_json(
        place.summary,
        {
            "name": config.name,
            "config": config.model_dump(mode="json"),
            "expected_rows": expected,
            "grid": rows,
            "ledger": spent,
            "provenance": {"versions": versions(), "machine": machine(), **hashes},
        },
    )


def grown(histories: Mapping[Chain, Sequence[str]], budget: int) -> list[str]:
    """Return the label keys any chain uses up to a budget, each once."""
    return list(dict.fromkeys(key for keys in histories.values() for key in keys[:budget]))
