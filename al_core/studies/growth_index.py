"""The index of a growth, ``growth.json``: config, rounds, ledger and provenance, written again after every round."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from al_core.config.growth import GrowthConfig
from al_core.errors import ConfigError
from al_core.exploration.frames import Journey
from al_core.storage.files import write_json
from al_core.studies.provenance import machine, versions
from al_core.studies.records import read_record
from al_core.studies.workspace import Workspace
from al_core.uncertainty.calibration import Calibration

CALIBRATED = 4  # labels drawn at random, before an expected error is believed


@dataclass(frozen=True)
class Chosen:
    """A structure that was labelled.

    Attributes:
        structure: its id.
        key: of its label.
        slice: phase and temperature.
        atoms: their number.
        walker: the number of the walker that came by it.
        time_ps: when.
        expected: mean absolute error that was expected of its force components, eV/Å.
        drawn: whether it was drawn at random; else the acquisition selected it.
        failure: why there is no label; '' where there is one.
    """

    structure: str
    key: str
    slice: str
    atoms: int
    walker: int
    time_ps: float
    expected: float
    drawn: bool
    failure: str = ""


@dataclass(frozen=True)
class Round:
    """One round of a growth.

    Attributes:
        number: from 0, which has no label.
        labels: how many the committee was trained on.
        model: its key.
        calibration: what its disagreement stands for.
        explorations: keys.
        journeys: what became of the walkers.
        expected: mean absolute error that is expected of force components over all frames, eV/Å.
        frames: how many walkers came by.
        candidates: how many of them are within the window.
        evaluation: key of the errors on the test set; '' without one.
        stability: keys of the dynamics that the potential is for, one a temperature; none where they were not run.
        reason: why this is the last round; '' where it is not.
        chosen: what was labelled next.
        folds: keys of the committees that were trained for the calibration; each lacks some labels.
    """

    number: int
    labels: int
    model: str
    calibration: Calibration
    explorations: tuple[str, ...]
    journeys: tuple[Journey, ...]
    expected: float
    frames: int
    candidates: int
    evaluation: str = ""
    stability: tuple[str, ...] = ()
    reason: str = ""
    chosen: tuple[Chosen, ...] = ()
    folds: tuple[str, ...] = ()

    @property
    def lost(self) -> int:
        """How many walkers left the window or became unphysical."""
        return sum(bool(one.left or one.failure) for one in self.journeys)


def in_a_line(one: Round, wanted_meV_per_A: float) -> str:
    """Return what came of a round, beside the force error that was wanted."""
    expected = f"{1e3 * one.expected:.0f} meV/Å expected"
    doubt = "" if one.calibration.structures else " (not calibrated)"
    walkers = f"{one.lost} of {len(one.journeys)} walkers lost"
    end = f"; {one.reason}" if one.reason else ""
    return f"round {one.number}: {one.labels} labels, {expected}{doubt}, {wanted_meV_per_A:g} wanted; {walkers}{end}"


@dataclass(frozen=True)
class GrowthResults:
    """A growth as its folder has it.

    Attributes:
        name: of the growth.
        config: as it was validated, JSON-ready.
        rounds: finished ones.
        ledger: see :func:`al_core.studies.ledger.ledger`; a round's number and one is its budget.
        provenance: versions, machine and content hashes.
    """

    name: str
    config: dict[str, Any]
    rounds: tuple[Round, ...]
    ledger: dict[str, Any]
    provenance: dict[str, Any]

    @property
    def reason(self) -> str:
        """Why it ended; '' while it goes on."""
        return self.rounds[-1].reason if self.rounds else ""


def write_growth(
    workspace: Workspace,
    config: GrowthConfig,
    rounds: Sequence[Round],
    spent: Mapping[str, Any],
    hashes: Mapping[str, Any],
) -> None:
    """Write what :func:`load_growth` reads."""
    write_json(
        workspace.growth,
        {
            "name": config.name,
            "config": config.model_dump(mode="json"),
            "rounds": [asdict(one) for one in rounds],
            "ledger": dict(spent),
            "provenance": {"versions": versions(), "machine": machine(), **hashes},
        },
    )


def load_growth(out: Path) -> GrowthResults:
    """Return the growth of a folder.

    Raises:
        ConfigError: there is none.
    """
    record = read_record(Workspace(Path(out)).growth, "name", "config", "rounds", "ledger", "provenance")
    if record is None:
        raise ConfigError(f"{out}: no growth was run in it (graft grow CONFIG.yaml --out {out})")
    rounds = [
        Round(
            **{
                **one,
                "calibration": Calibration.from_dict(one["calibration"]),
                "explorations": tuple(one["explorations"]),
                "stability": tuple(one["stability"]),
                "journeys": tuple(Journey(**journey) for journey in one["journeys"]),
                "chosen": tuple(Chosen(**chosen) for chosen in one["chosen"]),
                "folds": tuple(one.get("folds", ())),
            }
        )
        for one in record["rounds"]
    ]
    return GrowthResults(record["name"], record["config"], tuple(rounds), record["ledger"], record["provenance"])
