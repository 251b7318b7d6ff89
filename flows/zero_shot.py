"""The potentials that a study measures as they are: checked, and measured."""

from al_core.config.labelers import labeler_title
from al_core.config.structures import SampledStructures
from al_core.config.study import StudyConfig
from al_core.config.target import elements_of
from al_core.studies.data import file_or_bundled, given_structures
from al_core.studies.workspace import Workspace
from al_core.studies.zero_shot import ZeroShotInputs
from calculators.base import make_labeler
from calculators.preflight import check_labels_possible, check_sampled_labels_possible
from flows import tasks
from flows.runtime.progress import Counters

_MEASURED = "potentials measured as they are"


def check_zero_shot(config: StudyConfig) -> None:
    """Check that every potential that is measured as it is can label the test set on this machine.

    Raises:
        ConfigError: one cannot.
    """
    for labeler in config.zero_shot:
        if isinstance(config.test, SampledStructures):
            check_sampled_labels_possible(config.test, elements_of(config.target), labeler, "test")
        elif config.test.kind != "holdout":
            check_labels_possible([atoms for atoms, _ in file_or_bundled(config.test)], labeler, "test (zero_shot)")
        elif not isinstance(config.pool, SampledStructures):
            check_labels_possible(given_structures(config.pool), labeler, "the pool (zero_shot)")


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
