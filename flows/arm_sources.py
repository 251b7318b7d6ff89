"""The sources that arms have of their own: found, and compared with the study's."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from al_core.config.sources import GivenSource
from al_core.config.study import StudyConfig
from al_core.config.training import Architecture
from al_core.errors import ConfigError, under
from al_core.models.card import read_card
from al_core.models.committee import committee_folders
from flows.sources import given_folder


def arm_sources(config: StudyConfig) -> dict[GivenSource, tuple[Path, ...]]:
    """Return all bundles of the sources that arms have of their own.

    Raises:
        BundleError, ConfigError: a committee is not there.
    """
    found = {}
    for arm in config.arms:
        if arm.own_source is not None:
            with under(f"arms: {arm.title}: source"):
                found[arm.own_source] = tuple(committee_folders(given_folder(arm.own_source)))
    return found


def starts(
    config: StudyConfig, source: Sequence[Path], own: Mapping[GivenSource, Sequence[Path]]
) -> dict[str, tuple[str, Sequence[Path]]]:
    """Return of each arm by its title its kind, and all bundles it may start from."""
    return {
        arm.title: (arm.kind, source if arm.own_source is None else own[arm.own_source])
        for arm in config.arms
        if arm.uses_source
    }


def check_architectures(config: StudyConfig) -> None:
    """Refuse sources of arms whose models are not built as those of the study's source.

    Raises:
        BundleError, ConfigError: one is, or is not there.
    """
    expected = config.source.model if config.source.kind == "pretrain" else _architecture(config.source)
    for arm in config.arms:
        source = arm.own_source
        if source is not None and (different := _different(_architecture(source), expected)):
            raise ConfigError(
                f"arms: {arm.title}: source {given_folder(source)} is of another architecture than the study's source "
                f"({different}); all arms of a study have one: pretrain it with the same model"
            )


def _architecture(source: GivenSource) -> Architecture:
    return Architecture.model_validate(read_card(committee_folders(given_folder(source))[0])["architecture"])


def _different(ours: Architecture, expected: Architecture) -> str:
    """Return the hyperparameters that differ, '' where none does."""
    pairs = zip(ours, expected, strict=True)
    return ", ".join(f"{key} {mine} against {theirs}" for (key, mine), (_, theirs) in pairs if mine != theirs)
