"""Checking the potentials that a study measures as they are, before anything is computed."""

from al_core.config.structures import SampledStructures
from al_core.config.study import StudyConfig
from al_core.config.target import elements_of
from al_core.studies.data import file_or_bundled, given_structures
from calculators.preflight import check_labels_possible, check_sampled_labels_possible


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
