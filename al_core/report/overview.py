"""A study's results with what every part of its report asks for: names in order, the leading arm, learning curves."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from al_core.report.styles import ArmStyle, arm_styles
from al_core.studies.curves import Curve, Point, learning_curves
from al_core.studies.predictions import CellPredictions, PredictionReader
from al_core.studies.results import StudyResults

FORCE_MAE = "force_mae_meV_per_A"
ENERGY_MAE = "energy_mae_meV_per_atom"
STRESS_MAE = "stress_mae_GPa"
PRESSURE_BIAS = "pressure_bias_GPa"
FORCE_DEVIATION = "force_deviation_meV_per_A"

_COMPARISONS = {"shared": "shared label sets", "own": "own acquisitions"}


@dataclass(frozen=True)
class Part:
    """One comparison and acquisition of the study, with the title the report gives it."""

    comparison: str
    acquisition: str
    title: str


@dataclass(frozen=True)
class Overview:
    """The results of a study, and what is listed in its config or found in its rows.

    Attributes:
        results: of the study.
        arms: names, as the config lists them.
        leader: the arm that the first sentence is about; '' where there is none but the baseline.
        budgets: numbers of labels, ascending.
        slices: of the test set, the mean ``all`` first.
        parts: comparisons and acquisitions.
        styles: of the arms.
        folder: of the study; None where there are only its results.
    """

    results: StudyResults
    arms: tuple[str, ...]
    leader: str
    budgets: tuple[int, ...]
    slices: tuple[str, ...]
    parts: tuple[Part, ...]
    styles: Mapping[str, ArmStyle]
    folder: Path | None = None

    @property
    def baseline(self) -> str:
        """The arm that the others are compared with."""
        return self.results.baseline

    @property
    def others(self) -> list[str]:
        """The arms that are compared with the baseline."""
        return [arm for arm in self.arms if arm != self.baseline]

    @property
    def acquisitions(self) -> list[str]:
        """Their names."""
        return list(dict.fromkeys(part.acquisition for part in self.parts))

    @property
    def points(self) -> list[Point]:
        """All points of the learning curves of the force."""
        return [point for part in self.parts for curve in self.curves(part, FORCE_MAE) for point in curve.points]

    def curves(self, part: Part, metric: str) -> tuple[Curve, ...]:
        """Return the learning curves of a part, one an arm."""
        return learning_curves(self.results.rows, part.comparison, part.acquisition, metric)

    @cached_property
    def predictions(self) -> tuple[CellPredictions, ...]:
        """What committees of the first finished part predict for the test set at its largest budget, where it was kept.

        That part is the first of :meth:`finished_parts`.
        """
        parts = self.finished_parts()
        if self.folder is None or not parts:
            return ()
        first = parts[0]
        return PredictionReader(self.folder).at_largest_budget(self.results.rows, first.comparison, first.acquisition)

    def repeats(self, part: Part) -> bool:
        """Return whether every cell of a part also counts in the shared comparison, so that it has the same numbers."""
        cells: dict[str, set[str]] = {part.comparison: set(), "shared": set()}
        for row in self.results.rows:
            if row.acquisition == part.acquisition and row.comparison in cells:
                cells[row.comparison].add(row.model)
        return (
            part.comparison != "shared" and bool(cells[part.comparison]) and cells[part.comparison] == cells["shared"]
        )

    def finished_parts(self) -> list[Part]:
        """Return the parts with a finished cell, without those that repeat another."""
        finished = {(row.comparison, row.acquisition) for row in self.results.rows}
        return [
            part for part in self.parts if (part.comparison, part.acquisition) in finished and not self.repeats(part)
        ]


def overview(results: StudyResults, folder: Path | None = None) -> Overview:
    """Return the overview of a study's results, with its folder for what is not among them: structures, predictions."""
    rows = results.rows
    arms = _listed(results, "arms", (row.arm for row in rows))
    parts = [
        Part(comparison, acquisition, f"{_COMPARISONS.get(comparison, comparison)}, {acquisition}")
        for comparison in _listed(results, "comparisons", (row.comparison for row in rows))
        for acquisition in _listed(results, "acquisitions", (row.acquisition for row in rows))
    ]
    return Overview(
        results=results,
        arms=tuple(arms),
        leader=_leader(results, arms),
        budgets=tuple(sorted({*results.config.get("budgets", ()), *(row.budget for row in rows)})),
        slices=tuple(dict.fromkeys(["all", *(name for row in rows for name in row.metrics)])),
        parts=tuple(parts),
        styles=arm_styles(arms, results.baseline),
        folder=folder,
    )


def _name(value: Any) -> str:
    """Return the name of a method's settings, which is its kind if it has none; other values are names."""
    return str(value.get("name") or value["kind"] if isinstance(value, dict) else value)


def _listed(results: StudyResults, key: str, in_rows: Iterable[str]) -> list[str]:
    """Return the names a config lists under ``key``, then those found in rows only."""
    return list(dict.fromkeys([*map(_name, results.config.get(key, ())), *in_rows]))


def _leader(results: StudyResults, arms: Sequence[str]) -> str:
    """Return the study's leader, but never the baseline; else the last arm."""
    others = [arm for arm in arms if arm != results.baseline]
    leader = str(results.config.get("shared_leader", ""))
    return leader if leader in others else others[-1] if others else ""
