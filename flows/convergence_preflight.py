"""Checks of a convergence study before it computes anything."""

from pathlib import Path

from al_core.config.convergence import ConvergenceConfig
from al_core.config.structures import FileStructures
from al_core.errors import ConfigError
from al_core.studies.data import given_structures
from calculators.preflight import check_labels_possible, check_sampled_labels_possible
from flows.preflight import check_site, check_structures, check_writable


def preflight_convergence(config: ConvergenceConfig, out: Path) -> None:
    """Check elements, settings and folder of a convergence study.

    Raises:
        ConfigError, StoreError: what is wrong, with its key and what to do.
    """
    structures, levels = config.structures, (config.reference, config.base, *config.settings.values())
    if isinstance(structures, FileStructures):
        given = given_structures(structures)
        for settings in levels:
            check_labels_possible(given, settings, str(structures.path))
    else:
        for elements in config.crystals:
            check_structures("structures", structures, elements)
            for settings in levels:
                check_sampled_labels_possible(structures, elements, settings, "structures")
    if not config.vary and not config.settings:
        raise ConfigError("vary and settings are both empty: there is nothing to compare")
    check_writable(out, config.store)
    check_site(config.site, config.store)
