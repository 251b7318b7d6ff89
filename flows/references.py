"""What properties are measured against: computed by the labeler, or read. Prefect is not imported."""

from pathlib import Path
from typing import Any

from al_core.config.evaluation import AnyProperties
from al_core.config.reading import validate
from al_core.config.study import StudyConfig
from al_core.config.target import title_of
from al_core.errors import ConfigError
from al_core.evaluation.reference import Reference, read_reference, shipped_reference
from al_core.labels.calculator import LabelCalculator, is_kept
from al_core.studies.keys import ReferenceInputs
from al_core.studies.references import keep_reference
from calculators.base import make_labeler
from calculators.preflight import check_labels_possible, check_same_theory

_ABSOLUTE = ("errors", "stability")  # these say what they say without one
_DYNAMIC = ("structure",)  # these take thousands of labels: only of a labeler whose labels cost nothing


def check_reference(config: StudyConfig) -> None:
    """Check that the properties of a study can be evaluated, and that their reference is there and of the same.

    Raises:
        ConfigError: what is wrong, with its key and what to do.
    """
    if all(one.kind == "errors" for one in config.evaluations):
        return
    from al_core.evaluation.material import Material, check_possible

    labeler = make_labeler(config.labeler)
    formula = title_of(config.target)
    material = Material(formula, LabelCalculator(labeler), config.crystal)
    check_possible(material, [one for one in config.evaluations if one.kind != "errors"])
    wanted = _wanted(config)
    if config.reference.kind == "computed" and wanted:
        if not labeler.by_physics:
            raise ConfigError(
                f"reference: labeler {config.labeler.kind} looks labels up, and has none of what "
                f"{', '.join(one.kind for one in wanted)} are computed of; use reference.kind=bundled, file or none"
            )
        check_labels_possible([material.expected], config.labeler, f"the crystal of {formula}")
    elif (found := _read(config)) is not None:
        if found.labeler:
            check_same_theory(f"reference: {found.potential}", found.labeler, config.labeler, "reference.kind=none")
        for evaluation in wanted:
            _check_kind(evaluation, found)


def computed_references(config: StudyConfig, out: Path) -> list[ReferenceInputs]:
    """Return what the labeler is to compute; nothing where the config names properties that are there."""
    if config.reference.kind != "computed":
        return []
    identity, crystal = make_labeler(config.labeler).identity(), config.crystal or ""
    return [ReferenceInputs(out, identity, title_of(config.target), crystal, one) for one in _wanted(config)]


def read_references(config: StudyConfig, out: Path) -> dict[str, str]:
    """Return by kind of evaluation the keys of references that are read, and keep them in the study's folder."""
    found = _read(config)
    known = found.measured if found else {}
    return {one.kind: keep_reference(out, known[one.kind]) for one in _wanted(config) if one.kind in known}


def _wanted(config: StudyConfig) -> list[AnyProperties]:
    """Return the evaluations that have a reference."""
    from al_core.evaluation.material import Material

    wanted = [one for one in config.evaluations if one.kind not in _ABSOLUTE]
    if config.reference.kind == "computed" and any(one.kind in _DYNAMIC for one in wanted):
        labeler = make_labeler(config.labeler)
        if is_kept(labeler, Material(title_of(config.target), LabelCalculator(labeler), config.crystal).expected):
            wanted = [one for one in wanted if one.kind not in _DYNAMIC]
    return wanted  # type: ignore[return-value]  # errors are not among them


def _read(config: StudyConfig) -> Reference | None:
    """Return the reference of a file, None where the config names none."""
    if config.reference.kind == "bundled":
        file = shipped_reference(config.reference.name)
    elif config.reference.kind == "file":
        file = config.reference.path
    else:
        return None
    return read_reference(file, title_of(config.target), config.crystal)


def _check_kind(evaluation: AnyProperties, reference: Reference) -> None:
    kind, ours = evaluation.kind, dict(evaluation)
    if kind not in reference.measured:
        if kind in _DYNAMIC:
            return
        raise ConfigError(
            f"reference: {reference.potential} has {', '.join(reference.measured)}, not {kind}; leave it out of "
            "evaluations, or use reference.kind=computed or none"
        )
    given = reference.settings.get(kind, ours)
    theirs = dict(validate(type(evaluation), given, f"{kind} of the reference {reference.potential}"))
    different = [
        f"{key} {_shown(theirs[key])} against {_shown(value)}"
        for key, value in ours.items()
        if not _is_part(value, theirs[key])
    ]
    if different:
        raise ConfigError(
            f"reference: {reference.potential} has {kind} with other settings than the study evaluates it "
            f"({'; '.join(different)}); use the same"
        )


def _shown(value: Any) -> str:
    return str(list(value) if isinstance(value, tuple) else value)


def _is_part(some: Any, of: Any) -> bool:
    """Return whether a setting is the same as another, or, of phases or temperatures, has nothing that it lacks."""
    return some == of or (isinstance(some, tuple) and isinstance(of, tuple) and set(some) <= set(of))
