"""What some walkers of a round come by: explored once, and found again by its key."""

from dataclasses import asdict, replace

from al_core.exploration.explore import explore
from al_core.exploration.frames import write_frames
from al_core.exploration.starts import crystal_of, starting_points
from al_core.models.calculator import CommitteeCalculator
from al_core.models.engine.stack import pick_device
from al_core.storage.files import write_json
from al_core.structures.datasets import read_structures
from al_core.studies.committees import load_committee
from al_core.studies.keys import ExplorationInputs
from al_core.studies.lookup import explored
from al_core.studies.workspace import Workspace


def explore_committee(inputs: ExplorationInputs) -> None:
    """Let walkers move by a committee, if they have not yet.

    Raises:
        TrainingError: the committee's predictions are not finite.
    """
    if explored(inputs) is not None:
        return
    workspace, model = Workspace(inputs.model.out), inputs.model
    origin = read_structures(workspace.pool) if inputs.given else crystal_of(model.target, inputs.crystal)
    starts = starting_points(inputs.purpose, inputs.exploration, origin, inputs.seed, inputs.round)
    found, journeys = explore(
        CommitteeCalculator(load_committee(model), pick_device(model.device)),
        [starts[number] for number in inputs.walkers],
        inputs.purpose,
        inputs.exploration,
        inputs.calibration,
        inputs.seed + 1000 * inputs.round + inputs.walkers[0],
    )
    write_frames(
        workspace.frames(inputs.key),
        [replace(frame, walker=inputs.walkers[frame.walker]) for frame in found],
    )
    record = {"model": model.key, "round": inputs.round, "journeys": [asdict(one) for one in journeys]}
    write_json(workspace.exploration(inputs.key), record)
