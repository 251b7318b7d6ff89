"""What a study has finished and spent, on the terminal."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from al_core.labels.store import Entry, LabelStore
from al_core.report.numbers import counted
from al_core.storage.locks import who_holds
from al_core.studies.growth_index import in_a_line, load_growth
from al_core.studies.results import Row, StudyResults, load_results
from al_core.studies.workspace import Workspace
from flows.runtime.activity import Activity, read_activity
from flows.runtime.runner import ACTIVITY

_FORCE_MAE = "force_mae_meV_per_A"
_CELL = ("comparison", "acquisition", "arm", "seed", "budget", "model")
# title and number format of each; a metric that no cell has is not shown
_SHOWN = {
    _FORCE_MAE: ("force MAE, meV/Å", ".0f"),
    "stress_mae_GPa": ("stress MAE, GPa", ".2f"),
    "pressure_bias_GPa": ("pressure bias (predicted minus labelled), GPa", "+.2f"),
}


def summary(out: Path, seconds: float) -> str:
    """Return the summary of a finished run: what came of it in one line, and where its best models are."""
    results = load_results(out)
    spent = results.ledger
    labels = f"{spent['labels_done']} labels" + (f", {spent['labels_failed']} failed" if spent["labels_failed"] else "")
    cells = f"{len(results.rows)} of {results.expected_rows} cells"
    if results.failures:
        cells += f", {len(results.failures)} failed"
    best = min(results.rows, key=lambda row: row.metrics["all"][_FORCE_MAE], default=None)
    error, models = "no result", ""
    if best is not None:
        mae = best.metrics["all"][_FORCE_MAE]
        error = f"best force MAE {mae:.0f} meV/Å ({best.arm}, {counted(best.budget, 'label')})"
        models = f"\nits models: {Workspace(out).models(best.model)}"
    return f"{results.name}: {cells}, {labels}, {error}, {seconds:.0f} s{models}"


def watch_status(out: Path, every_s: float = 5.0) -> None:
    """Print the status again and again, on a cleared terminal, until no study runs in the folder.

    Raises:
        ConfigError: the folder holds no study.
    """
    console = Console()
    while (holder := who_holds(out)) is not None:
        console.clear()
        console.print(f"{out}: {holder}; Ctrl-C ends the view, not the study", soft_wrap=True)
        print_status(out)
        time.sleep(every_s)
    console.clear()
    print_status(out)
    console.print(f"no study runs in {out}", soft_wrap=True)


def print_status(out: Path) -> None:
    """Print labels, failures, and the cells of a study's folder or the rounds of a growth's.

    Raises:
        ConfigError: the folder holds no study.
    """
    console = Console()
    workspace = Workspace(out)
    if who_holds(out) is not None:
        print_workers(console, read_activity(out / ACTIVITY))
    failed = _print_store(console, workspace) if workspace.has_store else set()
    if workspace.growth.exists():
        growth = load_growth(out)
        for one in growth.rounds:
            console.print(in_a_line(one, growth.config["purpose"]["force_error_meV_per_A"]), soft_wrap=True)
        return
    if not workspace.index.exists() and (workspace.has_store or who_holds(out)):
        console.print("cells: none yet; those of a study appear when its first budget is finished")
        return
    _print_cells(console, load_results(out), failed)


def status_of(out: Path) -> dict[str, Any]:
    """Return labels, failures, and the finished cells of a study's folder or the rounds of a growth's, JSON-ready.

    Raises:
        ConfigError: the folder holds no study.
    """
    workspace, holder = Workspace(out), who_holds(out)
    found: dict[str, Any] = {"running": None if holder is None else str(holder)}
    if workspace.has_store:
        states, core_seconds, failed = _of_store(workspace)
        causes = {entry.structure: entry.cause for entry in failed}
        found["labels"] = {**states, "core_seconds": core_seconds, "failures": causes}
    if workspace.growth.exists():
        growth = load_growth(out)
        rounds = [
            {
                "labels": one.labels,
                "expected_force_mae_meV_per_A": 1e3 * one.expected,
                "walkers": len(one.journeys),
                "walkers_lost": one.lost,
            }
            for one in growth.rounds
        ]
        return found | {"name": growth.name, "spent": growth.ledger, "rounds": rounds, "reason": growth.reason}
    if workspace.index.exists() or not (workspace.has_store or holder):
        results = load_results(out)
        failures = [asdict(cell) for cell in results.failures]
        found["cells"] = {"finished": len(results.rows), "of": results.expected_rows, "failures": failures}
        spent = {name: value for name, value in results.ledger.items() if name != "prices"}
        errors = [{name: getattr(row, name) for name in _CELL} | row.metrics["all"] for row in results.rows]
        found |= {"name": results.name, "spent": spent, "errors": errors}
    return found


def print_workers(console: Console, found: Sequence[Activity]) -> None:
    """Print what workers are at, where their jobs are, and what waits."""
    for one in found:
        for worker in one.workers:
            job = f" (job {worker.job})" if worker.job else ""
            does = _counted({name: worker.does.count(name) for name in worker.does}) or "nothing"
            console.print(f"{worker.host}{job}, {worker.cores} cores: {does}", soft_wrap=True)
        if one.queued:
            console.print(f"jobs in the queue: {', '.join(one.queued)}", soft_wrap=True)
        if one.waiting:
            console.print(f"waiting for a core: {_counted(one.waiting)}", soft_wrap=True)


def _counted(names: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in names.items())


def _of_store(workspace: Workspace) -> tuple[dict[str, int], float, list[Entry]]:
    """Return how many labels are in each state, what all cost in core-seconds, and those that failed."""
    states, spent, failed = dict.fromkeys(("done", "running", "failed"), 0), 0.0, []
    for entry in LabelStore(workspace.store).each():
        states[entry.state] += 1
        spent += entry.core_seconds
        if entry.state == "failed":
            failed.append(entry)
    return states, spent, failed


def _print_store(console: Console, workspace: Workspace) -> set[str]:
    """Print what the store holds; return the structures whose labels failed."""
    states, spent, failed = _of_store(workspace)
    counts = ", ".join(f"{number} {state}" for state, number in states.items())
    console.print(f"labels in the store: {counts}, {spent:.0f} core-seconds")
    for entry in failed:
        console.print(f"  [red]failed[/red] {entry.structure}: {entry.cause}", soft_wrap=True)
    return {entry.structure for entry in failed}


def _print_cells(console: Console, results: StudyResults, failed: Collection[str]) -> None:
    spent = results.ledger
    if "labels_asked" in spent:
        console.print(
            f"labels of this study: {spent['labels_asked']} asked for, {spent['labels_reused']} found in the store, "
            f"{spent['labels_failed']} failed; {spent['label_core_seconds']:.0f} core-seconds paid"
        )
    for one in spent.get("failures", ()):
        if one["structure"] not in failed:
            console.print(f"  [red]refused[/red] {one['structure']}: {one['cause']}", soft_wrap=True)
    console.print(f"cells: {len(results.rows)} of {results.expected_rows} finished, {len(results.failures)} failed")
    for cell in results.failures:
        where = f"{cell.comparison}, {cell.acquisition}, {cell.arm}, seed {cell.seed}, {cell.budget} labels"
        console.print(f"  [red]failed[/red] {where}: {cell.cause}", soft_wrap=True)
    over = "all test structures" if results.pooled else "slices"
    for metric, (title, form) in _SHOWN.items():
        rows = [row for row in results.rows if metric in row.metrics["all"]]
        if rows or metric == _FORCE_MAE:
            console.print(_table(f"{results.name}: {title}, mean over {over} and over seeds", rows, metric, form))


def _table(title: str, rows: Sequence[Row], metric: str, form: str) -> Table:
    """Return the means over seeds of a metric: a line a curve, a column a budget."""
    table = Table(title=title)
    budgets = sorted({row.budget for row in rows})
    for column in ("comparison", "acquisition", "arm"):
        table.add_column(column)
    for budget in budgets:
        table.add_column(str(budget), justify="right")
    for key in dict.fromkeys((row.comparison, row.acquisition, row.arm) for row in rows):
        cells = []
        for budget in budgets:
            values = [
                row.metrics["all"][metric]
                for row in rows
                if (row.comparison, row.acquisition, row.arm) == key and row.budget == budget
            ]
            cells.append(format(sum(values) / len(values), form) if values else "")
        table.add_row(*key, *cells)
    return table
