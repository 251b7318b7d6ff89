"""Measuring the potentials that a study measures as they are."""

from al_core.config.labelers import labeler_title
from al_core.config.study import StudyConfig
from al_core.studies.workspace import Workspace
from al_core.studies.zero_shot import ZeroShotInputs
from calculators.base import make_labeler
from flows import tasks
from flows.runtime.progress import Counters

_MEASURED = "potentials measured as they are"


def measure_zero_shot(config: StudyConfig, workspace: Workspace, test_hash: str, counters: Counters) -> dict[str, str]:
    """Return the key of the evaluation of each potential that is measured as it is; made now where it is new.

    Raises:
        LabelError: one fails for a structure of the test set.
    """
    counters.expect(_MEASURED, len(config.zero_shot))
    keys, futures = {}, []
    for labeler in config.zero_shot:
        inputs = ZeroShotInputs(workspace.out, make_labeler(labeler).identity(), test_hash)
        keys[labeler_title(labeler)] = inputs.key
        futures.append(tasks.zero_shot.submit(inputs, labeler, labeler_title(labeler)))
    for future in futures:
        future.result()
        counters.done(_MEASURED)
    return keys
