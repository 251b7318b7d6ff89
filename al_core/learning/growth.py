"""Growing one potential: train, calibrate, explore, evaluate, decide; choose, label; and again.

Everything is found again by its key, so that an interrupted growth goes on where it stood.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from ase import Atoms

from al_core.config.evaluation import ErrorsEvaluation, StabilityEvaluation
from al_core.config.growth import GrowthConfig
from al_core.errors import LabelError, SelectionError, TrainingError
from al_core.exploration.frames import Frame, Journey, write_frames
from al_core.learning.choosing import by_id, chosen_from, in_turn
from al_core.learning.steps import GrowthSteps, LabelOutcome, learnable
from al_core.structures.datasets import slice_of
from al_core.studies.growth_index import CALIBRATED, Chosen, Round
from al_core.studies.keys import CalibrationInputs, EvaluationInputs, ExplorationInputs, ModelInputs, SelectionInputs
from al_core.studies.ledger import Requests
from al_core.studies.lookup import explored
from al_core.studies.records import property_record
from al_core.studies.workspace import Workspace
from al_core.uncertainty.calibration import Calibration

_WALKERS_TOGETHER = 6  # in one batch of one worker
_FAILURES_BEFORE_STOPPING = 3
_ROUNDS = 1000  # more than there are
_TARGET = 24  # structures that stand for what walkers came by


@dataclass
class Growth:
    """A potential under way.

    Attributes:
        config: what is wanted.
        workspace: the folder.
        source: folders of the source bundles that the committee starts from.
        source_hash, pool_hash, test_hash: content; '' without a test set.
        steps: what computes.
        requests: what labels were asked of.
        label_key: of a structure.
        cost: expected core-seconds of a structure's label.
        spent: core-seconds of labels that were paid so far.
        rounds: finished ones.
        failed: keys of labels that failed or that training refuses, and why.
    """

    config: GrowthConfig
    workspace: Workspace
    source: tuple[Path, ...]
    source_hash: str
    pool_hash: str
    test_hash: str
    steps: GrowthSteps
    requests: Requests
    label_key: Callable[[str], str]
    cost: Callable[[Atoms], float]
    spent: Callable[[], float]
    rounds: list[Round] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    _labels: list[str] = field(default_factory=list)
    _drawn: list[str] = field(default_factory=list)
    _slices: Counter[str] = field(default_factory=Counter)  # of the drawn labels

    def run(self) -> Iterator[Round]:
        """Go on until the potential is good enough, or nothing more can be had.

        Each round is yielded when its committee is measured; what is labelled next is in ``rounds`` when the next one
        is. Where nothing could be labelled, the round is yielded once more, with that reason.

        Raises:
            TrainingError: the committee cannot be trained, or has diverged.
            LabelError: more labels failed than the config allows.
        """
        while True:
            model = self.model(self._labels)
            one, frames, window = self._measured(model)
            self.rounds.append(one)
            yield one
            if one.reason:
                return
            chosen = tuple(self._grow(model, frames, window, one.number))
            self.rounds[-1] = replace(one, chosen=chosen)
            if all(each.failure for each in chosen):
                self.rounds[-1] = self._ended(
                    self.rounds[-1], model, "no structure is left that is new and could be labelled"
                )
                yield self.rounds[-1]
                return

    def model(self, labels: Sequence[str]) -> ModelInputs:
        """Return the inputs of the committee of these labels."""
        config = self.config
        return ModelInputs(
            out=self.workspace.out,
            arm=config.arm,
            target=config.target,
            seed=config.seed,
            labels=tuple(labels),
            source=self.source,
            source_hash=self.source_hash,
            pool_hash=self.pool_hash,
            training=config.training,
            device=config.device,
        )

    def dynamics(self, model: ModelInputs) -> list[EvaluationInputs]:
        """Return the inputs of the dynamics that the potential is for, one a temperature, by what is exported."""
        purpose = self.config.purpose
        return [
            EvaluationInputs(
                model,
                StabilityEvaluation(
                    temperatures_K=(temperature,),
                    ensembles=("nvt",),
                    walkers=1,
                    picoseconds=purpose.picoseconds,
                    timestep_fs=purpose.timestep_fs,
                    supercell=purpose.supercell,
                    first_member=True,
                ),
                str(self.config.crystal.prototype) if self.config.crystal else "",
            )
            for temperature in purpose.temperatures_K
        ]

    def _measured(self, model: ModelInputs) -> tuple[Round, list[Frame], list[Frame]]:
        """Train, calibrate, explore, evaluate and decide; return the round, its frames, and those within the window."""
        if self._labels and (failure := self.steps.train([model])[0]):
            raise TrainingError(f"the committee cannot be trained on {len(self._labels)} labels: {failure}")
        calibrating = CalibrationInputs(model, tuple(self._drawn))
        calibration = self.steps.calibrate(calibrating)
        explorations = self._explorations(model, calibration, len(self.rounds))
        self.steps.explore(explorations)
        frames, journeys = self._explored(explorations)
        wanted = 1e-3 * self.config.purpose.force_error_meV_per_A
        low, high = (wanted * bound for bound in self.config.exploration.window)
        window = [frame for frame in frames if low <= frame.worst <= high]
        one = Round(
            number=len(self.rounds),
            labels=len(model.labels),
            model=model.key,
            calibration=calibration,
            explorations=tuple(each.key for each in explorations),
            journeys=tuple(journeys),
            expected=float(np.mean([frame.expected for frame in frames])),
            frames=len(frames),
            candidates=len(window),
            folds=tuple(fold.key for fold, _ in calibrating.folds if fold.labels),
            evaluation=self._tested(model),
        )
        reason, stability = self._reason(model, one)
        one = replace(one, stability=stability)
        return (self._ended(one, model, reason) if reason else one), frames, window

    def _tested(self, model: ModelInputs) -> str:
        """Return the key of the errors on the test set, '' where there is none."""
        if not self.test_hash:
            return ""
        errors = EvaluationInputs(model, ErrorsEvaluation(), self.test_hash)
        return "" if self.steps.evaluate([errors])[0] else errors.key

    def _ended(self, one: Round, model: ModelInputs, reason: str) -> Round:
        """Run the dynamics that the potential is for, write what the growth ends with, and return its last round."""
        stability = one.stability or self._simulated(model)[0]
        self.steps.deliver(model, one.calibration)
        return replace(one, stability=stability, reason=reason)

    def _explorations(self, model: ModelInputs, calibration: Calibration, number: int) -> list[ExplorationInputs]:
        config = self.config
        walkers = range(config.exploration.walkers)
        parts = [tuple(walkers[first : first + _WALKERS_TOGETHER]) for first in walkers[::_WALKERS_TOGETHER]]
        shared = (model, config.purpose, config.exploration, calibration, config.seed, number)
        origin = (self.pool_hash, None) if config.starts else ("", config.crystal)
        return [ExplorationInputs(*shared, part, *origin) for part in parts]

    def _explored(self, explorations: Sequence[ExplorationInputs]) -> tuple[list[Frame], list[Journey]]:
        frames: list[Frame] = []
        journeys: list[Journey] = []
        for inputs in explorations:
            found = explored(inputs)
            if found is None:
                raise SelectionError(f"{self.workspace.exploration(inputs.key)}: an exploration that was made is gone")
            frames += found.frames
            journeys += found.journeys
        return frames, journeys

    def _reason(self, model: ModelInputs, one: Round) -> tuple[str, tuple[str, ...]]:
        """Return why growing ends, '' if it does not, and the keys of dynamics that were run for it."""
        config, wanted, expected = self.config, self.config.purpose.force_error_meV_per_A, 1e3 * one.expected
        keys: tuple[str, ...] = ()
        if one.calibration.structures >= CALIBRATED and expected <= wanted and not one.lost:
            keys, stable = self._simulated(model)
            if stable:
                return f"good enough: {expected:.0f} meV/Å expected, {wanted:g} wanted; dynamics are stable", keys
        if len(self._labels) >= config.labels:
            return f"all {config.labels} labels are spent", keys
        if config.core_hours is not None and self.spent() >= 3600 * config.core_hours:
            return f"{self.spent() / 3600:.2f} core-hours are spent on labels, of {config.core_hours:g}", keys
        return "", keys

    def _simulated(self, model: ModelInputs) -> tuple[tuple[str, ...], bool]:
        """Run the dynamics that the potential is for; return the keys, and whether all are stable."""
        dynamics = self.dynamics(model)
        failures = self.steps.evaluate(dynamics)
        records = [property_record(self.workspace.evaluation(one.key)) for one in dynamics]
        walks = [walk for one in records if one for walk in one.measured.details.get("walks", [])]
        stable = not any(failures) and len(walks) == len(dynamics) and not any(walk["failure"] for walk in walks)
        return tuple(one.key for one in dynamics), stable

    def _grow(self, model: ModelInputs, frames: Sequence[Frame], window: Sequence[Frame], number: int) -> list[Chosen]:
        """Choose structures and label them until the batch is full, or nothing is left; failures are replaced."""
        wanted = min(self.config.batch, self.config.labels - len(self._labels))
        file, found = self.workspace.frames(f"round-{number}"), by_id(frames)
        write_frames(file, list(found.values()))
        calibrated = bool(self._drawn)
        order = in_turn(found, np.random.default_rng([self.config.seed, number]), self._slices)
        chosen: list[Chosen] = []
        while order := self._new(order):
            short = wanted - sum(not one.failure for one in chosen)
            if not short:
                break
            # nobody knows yet what the committee's disagreement stands for: the first batch is drawn in whole
            at_least = self.config.drawn if calibrated else wanted
            drawn = min(short, max(0, at_least - sum(one.drawn and not one.failure for one in chosen)))
            at_random, rest = order[:drawn], order[drawn:]
            selected = self._selected(model, found, self._new(by_id(window)), rest, short - drawn, number)
            outcomes = self._labelled([*at_random, *selected], number, file)
            chosen += [chosen_from(name, found[name], name in at_random, one) for name, one in outcomes.items()]
            self._labels += [one.key for one in outcomes.values() if not one.failure]
            self._drawn += [outcomes[name].key for name in at_random if not outcomes[name].failure]
            self._slices.update(slice_of(found[name].atoms) for name in at_random if not outcomes[name].failure)
            self.failed |= {one.key: one.failure for one in outcomes.values() if one.failure}
            self._stop_if_too_many_labels_failed()
        return chosen

    def _new(self, names: Iterable[str]) -> list[str]:
        """Return those structures that were not asked a label of."""
        known = {*self.failed, *self._labels}
        return [name for name in names if self.label_key(name) not in known]

    def _labelled(self, names: Sequence[str], number: int, file: Path) -> dict[str, LabelOutcome]:
        first = self.requests.ask([self.label_key(name) for name in names], number + 1)
        outcomes = learnable(self.steps.label(names, file), self.config.training)
        self.requests.write_down([one.key for one in outcomes.values() if one.key in first and not one.computed])
        return outcomes

    def _selected(
        self,
        model: ModelInputs,
        found: Mapping[str, Frame],
        window: Sequence[str],
        order: Sequence[str],
        k: int,
        number: int,
    ) -> list[str]:
        """Return k structures: of the window what the acquisition selects, the others as they come."""
        config = self.config
        allowed = set(order)
        candidates = [name for name in window if name in allowed]
        knows = not config.acquisition.asks_models or model.labels or config.arm.uses_source
        if not (k and candidates and knows):
            return list(order[:k])
        most = min(len(candidates), config.exploration.candidates)
        candidates = [candidates[index] for index in np.linspace(0, len(candidates) - 1, most).astype(int)]
        costs = [self.cost(found[name].atoms) for name in candidates] if config.acquisition.asks_costs else ()
        describing = self.model([]) if config.arm.uses_source else model
        inputs = SelectionInputs(
            out=self.workspace.out,
            acquisition=config.acquisition,
            seed=_ROUNDS * config.seed + number,  # as many candidates in each round: others are to be drawn
            candidates=tuple(candidates),
            k=min(k, len(candidates)),
            committee=model if config.acquisition.asks_forces else None,
            describing=describing if config.acquisition.asks == "features" else None,
            labelled=tuple(self._labels) if config.acquisition.asks == "features" else (),
            costs=tuple(costs),
            target=tuple(order[:_TARGET]) if config.acquisition.asks_target else (),
            file=self.workspace.frames(f"round-{number}"),
        )
        outcome = self.steps.select([inputs])[0]
        if outcome.failure:
            raise SelectionError(outcome.failure)
        others = [name for name in order if name not in outcome.structures]
        return [*outcome.structures, *others[: k - len(outcome.structures)]]

    def _stop_if_too_many_labels_failed(self) -> None:
        failed, asked = len(self.failed), len(self.failed) + len(self._labels)
        if failed >= _FAILURES_BEFORE_STOPPING and failed > self.config.max_failed_share * asked:
            raise LabelError(
                f"{failed} of {asked} labels failed, more than max_failed_share={self.config.max_failed_share:g}; the "
                f"first: {next(iter(self.failed.values()))}; the labeler's outputs are in {self.workspace.label_files}"
            )
