"""What the sections of a growth's report are made from: its rounds, and what its folder has of each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from al_core.config.growth import Purpose
from al_core.errors import StoreError
from al_core.exploration.frames import Frame, Journey, read_frames
from al_core.labels.store import LabelStore
from al_core.report.styles import ArmStyle, round_styles
from al_core.structures.datasets import read_structures
from al_core.studies.features import MAP, read_features
from al_core.studies.growth_index import GrowthResults, Round
from al_core.studies.predictions import Predicted, PredictionReader
from al_core.studies.records import EvaluationRecord, evaluation_record, property_record
from al_core.studies.workspace import Workspace

FORCE_MAE = "force_mae_meV_per_A"
_HOTTER = 1.1  # times the highest temperature that was asked for
_PHASES = {"surface": "surface|slab", "liquid": "liquid|melt|molten", "vacancy": "vacanc", "crystal": "crystal|diamond"}


@dataclass(frozen=True)
class GrowthOverview:
    """A growth with its folder; what is read from files is read once.

    Attributes:
        results: the rounds.
        folder: of the growth.
    """

    results: GrowthResults
    folder: Path

    @property
    def rounds(self) -> tuple[Round, ...]:
        """Finished rounds."""
        return self.results.rounds

    @property
    def last(self) -> Round | None:
        """The last finished round: that of the model that is delivered."""
        return self.rounds[-1] if self.rounds else None

    @property
    def material(self) -> str:
        """Chemical symbol of the target, or the symbols of a compound's elements."""
        match self.results.config.get("target", "ELEMENT"):
            case {"map": dict(pairs)}:
                return "".join(str(symbol) for symbol in pairs.values())
            case element:
                return str(element)

    @cached_property
    def workspace(self) -> Workspace:
        """The growth's folder, by its parts."""
        return Workspace(self.folder)

    @cached_property
    def purpose(self) -> Purpose:
        """What the potential is for; settings that this version does not know are left out."""
        given = self.results.config.get("purpose", {})
        return Purpose(**{name: value for name, value in given.items() if name in Purpose.model_fields})

    @property
    def wanted(self) -> float:
        """The expected force error that is wanted, meV/Å."""
        return self.purpose.force_error_meV_per_A

    @property
    def styles(self) -> list[ArmStyle]:
        """Colour and marker of each round."""
        return round_styles(len(self.rounds))

    @cached_property
    def test_errors(self) -> dict[int, EvaluationRecord]:
        """The errors on the test set, by round."""
        found = {one.number: evaluation_record(self.workspace.evaluation(one.evaluation)) for one in self.rounds}
        return {number: record for number, record in found.items() if record and not record.failure}

    @cached_property
    def predictions(self) -> dict[int, tuple[Predicted, ...]]:
        """The predictions for the test set, by round."""
        if not any(one.evaluation for one in self.rounds):
            return {}
        reader = PredictionReader(self.folder)
        found = {one.number: reader.of(one.evaluation) for one in self.rounds if one.evaluation}
        return {number: some for number, some in found.items() if some}

    @cached_property
    def frames(self) -> dict[int, list[Frame]]:
        """What walkers came by, by round, as far as the files are there."""
        return {one.number: self._frames(one) for one in self.rounds}

    @cached_property
    def costs(self) -> Mapping[str, float] | None:
        """What each label has cost, core-seconds, by its key; None where the store cannot be read."""
        keys = [chosen.key for one in self.rounds for chosen in one.chosen]
        if not self.workspace.has_store:
            return None
        try:
            return {entry.key: entry.core_seconds for entry in LabelStore(self.workspace.store).entries(keys)}
        except StoreError:  # on a server that is not reached from here: the page says that it does not know
            return None

    @cached_property
    def test_structures(self) -> list[Atoms]:
        """The structures of the test set; none without one."""
        return read_structures(self.workspace.test) if self.workspace.test.is_file() else []

    @cached_property
    def starts(self) -> list[Atoms]:
        """The structures that the walkers of the first round start from, as far as the file is there."""
        return read_structures(self.workspace.pool) if self.workspace.pool.is_file() else []

    @cached_property
    def features(self) -> dict[str, np.ndarray]:
        """Where structures lie, as far as that was computed, by their ids; see :mod:`al_core.studies.features`."""
        return read_features(self.workspace.features(MAP))

    def walks(self, one: Round) -> list[Mapping[str, Any]]:
        """Return the dynamics that the potential is for, of a round; see :mod:`al_core.evaluation.stability`."""
        records = [property_record(self.workspace.evaluation(key)) for key in one.stability]
        return [walk for record in records if record for walk in record.measured.details.get("walks", [])]

    def stable(self, one: Round) -> bool | None:
        """Return whether these dynamics are stable at every temperature; None where they were not run."""
        if not one.stability:
            return None
        walks = self.walks(one)
        known = {float(walk["temperature_K"]) for walk in walks}
        return known >= set(self.purpose.temperatures_K) and not any(walk["failure"] for walk in walks)

    def test_error(self, one: Round, inside: bool = False) -> float | None:
        """Return the force MAE on the test set, mean over slices, meV/Å; None where there is none.

        Args:
            one: a round.
            inside: whether only slices within the purpose count.
        """
        record = self.test_errors.get(one.number)
        if record is None:
            return None
        slices = {name: values for name, values in record.metrics.items() if name != "all"}
        if not inside or not slices:
            return None if inside else float(record.metrics["all"][FORCE_MAE])
        errors = [values[FORCE_MAE] for name, values in slices.items() if not self.outside(name)]
        return float(np.mean(errors)) if errors else None

    def outside(self, name: str) -> str:
        """Return why a test slice is outside the purpose, by its name; '' where it is within, or nobody can tell."""
        purpose, low = self.purpose, name.lower()
        named = [phase for phase, words in _PHASES.items() if re.search(words, low)]
        if missing := [phase for phase in named if phase not in purpose.phases]:
            return f"no {missing[0]} was asked for"
        if "strain" in low and not purpose.strain:
            return "no strain was asked for"
        highest = purpose.liquid_K if "liquid" in named else max(purpose.temperatures_K)
        temperature = re.search(r"(\d+)_?k(?![a-z])", low)
        if temperature and float(temperature[1]) > _HOTTER * highest:
            return f"hotter than {highest:g} K"
        return ""

    def _frames(self, one: Round) -> list[Frame]:
        files = [self.workspace.frames(key) for key in one.explorations]
        return [frame for file in files if file.is_file() for frame in read_frames(file)]


def ended(journey: Journey) -> str:
    """Return why a walker did not go to the end; '' where it did."""
    return journey.failure or ("left the window" if journey.left else "")


def round_name(one: Round) -> str:
    """Return what a round is called in figures."""
    return f"round {one.number}"
