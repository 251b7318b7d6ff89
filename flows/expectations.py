"""What is expected of a study's arms, without running it."""

from pathlib import Path
from typing import Any

from al_core.config.study import StudyConfig
from al_core.errors import ConfigError
from al_core.models.committee import committee_folders
from al_core.studies.data import hold_out, pool_structures, unique
from al_core.studies.expectations import estimates
from al_core.studies.workspace import Workspace
from calculators.classical.neutral import neutral_potential
from flows.arm_sources import arm_sources, starts
from flows.sources import is_pretrained, source_folder


def expected(config: StudyConfig, out: Path) -> dict[str, dict[str, Any]]:
    """Return what is expected of each arm; see :func:`al_core.studies.expectations.estimates`.

    Raises:
        ConfigError: the source is not trained yet, or no arm has an estimate.
    """
    arms = starts(config, committee_folders(_source(config, out)), arm_sources(config))
    pool = unique(pool_structures(config, neutral_potential, lambda done, total: None))
    if config.test.kind == "holdout":
        pool, _ = hold_out(pool, config.test.size, config.test.seed)
    found = estimates(arms, config.target, pool, config.device)
    if not found:
        raise ConfigError("arms: nothing is estimated: it takes an arm that starts from two source models or more")
    return found


def _source(config: StudyConfig, out: Path) -> Path:
    folder = source_folder(config.source, Workspace(out))
    if config.source.kind == "pretrain" and not is_pretrained(folder):
        raise ConfigError(
            f"source: {config.source.name} is not trained yet in {out}; `graft study run` trains it and says what to "
            "expect before its first label, or give a trained one: source.kind=bundles"
        )
    return folder
