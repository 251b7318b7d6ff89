"""What a study asked for and paid, against what its label store holds.

A store may be shared, and a study may go on after a kill. So the study writes down what the store had spent on a label
*before* it asks for it the first time. What the store has spent on it since then is what this study paid.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from al_core.labels.store import Entry, LabelStore
from al_core.storage.files import write_json
from al_core.studies.records import model_record, read_whole
from al_core.studies.workspace import Workspace

TEST = 0  # the budget of the labels of the test set, which come before all others
REFERENCE = -1  # that of labels which properties are measured against


class Requests:
    """The labels that a study has asked for, kept in ``ledger.json`` of its folder, or in another file.

    Attributes:
        budgets: label key to the budget that it was first asked for, of this run; ``TEST`` is the test set.
    """

    def __init__(self, workspace: Workspace, file: Path | None = None) -> None:
        self._file = file or workspace.requests
        self._store = LabelStore(workspace.store)
        self._before: dict[str, dict[str, Any]] = read_whole(self._file) or {}
        self.budgets: dict[str, int] = {}

    def ask(self, keys: Iterable[str], budget: int) -> list[str]:
        """Write down what the store holds of labels that are asked for next; return those never asked for before."""
        for key in keys:
            self.budgets.setdefault(key, budget)
        first = [key for key in self.budgets if key not in self._before]
        self.write_down(first)
        return first

    def write_down(self, keys: Sequence[str]) -> None:
        """Write down what the store holds; again for labels that another study computed while this one waited."""
        for key in keys:
            entry = self._store.get(key)
            done, spent = (entry.state == "done", entry.core_seconds) if entry else (False, 0.0)
            self._before[key] = {"done": done, "core_seconds": spent}
        if keys:
            write_json(self._file, self._before)

    def of_all_runs(self) -> list[Entry]:
        """Return what the store has of all labels in the file, those of earlier runs included."""
        return [entry for key in self._before if (entry := self._store.get(key)) is not None]

    def reused(self, key: str) -> bool:
        """Return whether the label was there before the study asked for it."""
        return bool(self._before[key]["done"])

    def paid(self, entry: Entry) -> float:
        """Return the core-seconds that this study paid for a label, failed attempts included."""
        return max(0.0, entry.core_seconds - float(self._before[entry.key]["core_seconds"]))


def ledger(
    workspace: Workspace, requests: Requests, models: Mapping[int, Sequence[str]], refused: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a study has asked for and paid so far, JSON-ready.

    Args:
        workspace: the study's folder.
        requests: the labels it asked for.
        models: for each budget, the model keys of the committees trained at it.
        refused: keys of labels that training does not take, and why; they have failed.

    Returns:
        Counts of labels and core-seconds, of the whole study and, under ``per_budget``, up to each budget;
        ``failures`` with their causes; ``store_labels`` is how many finished labels the store holds, whoever asked.
    """
    store = LabelStore(workspace.store)
    entries = [entry for key in requests.budgets if (entry := store.get(key)) is not None]
    failed = [entry for entry in entries if _failed(entry, refused)]
    per_budget, training = [], 0.0
    for budget, keys in models.items():
        records = [model_record(workspace.models(key)) for key in dict.fromkeys(keys)]
        training += sum(record.core_seconds for record in records if record)
        upto = [entry for entry in entries if TEST < requests.budgets[entry.key] <= budget]
        counts = _counts(upto, requests, refused)
        per_budget.append({"budget": budget, **counts, "training_core_seconds": training})
    counts = _counts(entries, requests, refused)
    return {
        "labels_asked": len(requests.budgets),
        "labels_done": counts.pop("labels"),
        "labels_failed": len(failed),
        **counts,
        "failed_core_seconds": sum(requests.paid(entry) for entry in failed),
        "training_core_seconds": training,
        "test_labels": sum(requests.budgets[entry.key] == TEST for entry in entries if entry.label),
        "store_labels": store.count(),
        "failures": [{"structure": one.structure, "cause": one.cause or refused[one.key]} for one in failed],
        "per_budget": per_budget,
    }


def _failed(entry: Entry, refused: Mapping[str, str]) -> bool:
    return entry.state == "failed" or entry.key in refused


def _counts(entries: Sequence[Entry], requests: Requests, refused: Mapping[str, str]) -> dict[str, Any]:
    done = [entry for entry in entries if entry.label and not _failed(entry, refused)]
    return {
        "labels": len(done),
        "labels_reused": sum(requests.reused(entry.key) for entry in done),
        "label_core_seconds": sum(requests.paid(entry) for entry in entries),
    }
