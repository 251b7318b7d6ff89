"""The study's index, ``study.json``: config, grid, ledger and provenance, written again after every budget."""

from collections.abc import Mapping
from typing import Any

from al_core.config.study import StudyConfig
from al_core.storage.files import write_json
from al_core.studies.grid import Learner, all_series, baseline_of
from al_core.studies.provenance import machine, versions
from al_core.studies.records import Cell
from al_core.studies.workspace import Workspace


def write_index(
    workspace: Workspace,
    config: StudyConfig,
    cells: Mapping[tuple[Learner, int], Cell],
    spent: dict[str, Any],
    hashes: dict[str, Any],
    references: Mapping[str, str],
    zero_shot: Mapping[str, str],
) -> None:
    """Write what :func:`al_core.studies.results.load_results` reads.

    Args:
        workspace: the study's folder.
        config: the study.
        cells: what came of each learner at each budget so far.
        spent: see :func:`al_core.studies.ledger.ledger`.
        references: for each kind of evaluation, the key of what its properties are measured against.
        zero_shot: for each potential that is measured as it is, the key of its evaluation.
        hashes: content hashes and settings that tell what the results were made from.
    """
    series = all_series(config)
    budgets = sorted({budget for _, budget in cells})
    rows = []
    for budget in budgets:
        for one in series:
            cell, learner = cells[one.learner, budget], baseline_of(config, one.learner.label_set)
            baseline = cells[learner, budget] if learner else None
            rows.append(
                {
                    "comparison": one.comparison,
                    "arm": one.arm,
                    "acquisition": one.acquisition,
                    "seed": one.seed,
                    "budget": budget,
                    "model": cell.model,
                    "evaluations": cell.evaluations,
                    "failure": cell.failure,
                    "baseline_model": baseline.model if baseline else "",
                    "baseline_evaluations": baseline.evaluations if baseline else {},
                }
            )
    write_json(
        workspace.index,
        {
            "name": config.name,
            "config": config.model_dump(mode="json"),
            "expected_rows": len(series) * len(config.budgets),
            "grid": rows,
            "references": dict(references),
            "zero_shot": dict(zero_shot),
            "ledger": spent,
            "provenance": {"versions": versions(), "machine": machine(), **hashes},
        },
    )
