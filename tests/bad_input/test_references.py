"""Properties that cannot be evaluated, or have nothing to be measured against."""

import json
from pathlib import Path
from typing import Any

import pytest

from al_core.config.evaluation import ElasticEvaluation, LatticeEvaluation
from al_core.config.labelers import StillingerWeberLabeler
from al_core.evaluation.measured import Measured, Property
from al_core.evaluation.reference import as_file
from calculators.base import make_labeler
from tests.bad_input.inputs import Refused, file_of, labelled

ELASTIC = "evaluations=[errors, elastic]"
FILE = "reference={kind: file, path: reference.json}"


def _write(element: str = "Ge", settings: Any = None, labeler: Any = None, **known: Measured) -> None:
    measured = known or {"elastic": Measured({"C11_GPa": Property(104.0, "GPa")})}
    identity = make_labeler(labeler or StillingerWeberLabeler()).identity()
    whole = as_file(element, "diamond", "theirs", identity, settings or {"elastic": ElasticEvaluation()}, measured, {})
    Path("reference.json").write_text(json.dumps(whole))


def test_a_good_reference_is_taken(good_study: Any) -> None:
    _write()
    good_study(ELASTIC, FILE)
    good_study(ELASTIC)
    good_study("evaluations=[errors, elastic, stability]", "reference=none")


def test_a_reference_of_another_labeler_is_refused(refused_study: Refused) -> None:
    _write(labeler=StillingerWeberLabeler(three_body=1.5))
    message = refused_study(ELASTIC, FILE)
    assert "reference: theirs was labelled with other settings than the study's labeler (three_body 1.5 aga" in message
    assert "use the same settings or reference.kind=none" in message


def test_a_reference_of_another_element_is_refused(refused_study: Refused) -> None:
    _write(element="Si")
    assert "reference.json is of Si, expected Ge" in refused_study(ELASTIC, FILE)


def test_a_reference_of_another_crystal_is_refused(refused_study: Refused) -> None:
    _write()
    assert "reference.json is of Ge as diamond, expected fcc" in refused_study(ELASTIC, FILE, "crystal=fcc")


def test_a_reference_that_lacks_what_is_evaluated_is_refused(refused_study: Refused) -> None:
    _write()
    message = refused_study("evaluations=[errors, elastic, phonons]", FILE)
    assert "reference: theirs has elastic, not phonons; leave it out of evaluations, or use " in message


def test_a_reference_of_other_settings_is_refused(refused_study: Refused) -> None:
    _write(settings={"elastic": ElasticEvaluation(strain=0.01)})
    assert "theirs has elastic with other settings than the study evaluates it (strain 0.01 against 0.005)" in (
        refused_study(ELASTIC, FILE)
    )


def test_fewer_phases_than_the_reference_has_are_good_and_others_are_not(
    good_study: Any, refused_study: Refused
) -> None:
    known = {"lattice": Measured({"lattice_constant_A": Property(5.6, "Å")})}
    _write(settings={"lattice": LatticeEvaluation(phases=("bcc", "fcc"))}, **known)
    good_study("evaluations=[errors, {kind: lattice, phases: [fcc]}]", FILE)
    assert "(phases ['bcc', 'fcc'] against ['sc'])" in (
        refused_study("evaluations=[errors, {kind: lattice, phases: [sc]}]", FILE)
    )


def test_labels_that_are_looked_up_are_no_reference(refused_study: Refused) -> None:
    pool = file_of("pool.extxyz", *map(labelled, range(6)))
    labeler = f"labeler={{kind: dataset, {pool.removeprefix('{kind: file, ')}"
    message = refused_study(f"pool={pool}", labeler, "test={kind: holdout, size: 2}", ELASTIC)
    assert "reference: labeler dataset looks labels up, and has none of what elastic are computed of" in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("reference={kind: file, path: gone.json}", "gone.json cannot be read: No such file"),
        ("reference={kind: bundled, name: ge-properties}", "no properties 'ge-properties' are shipped"),
        ("reference=compted", "did you mean 'computed'?"),
        ("crystal=wurtzite", "crystal"),
        ("property_budgets=[3]", "property_budgets: 3 not among the budgets [1, 2, 4]"),
        ("evaluations=[elastic]", "evaluations lacks errors, which the learning curves are made of"),
        ("evaluations=[errors, elastics]", "did you mean 'elastic'?"),
        ("target=Ga", "not Ga"),
    ],
)
def test_what_is_asked_for_wrongly_is_refused(refused_study: Refused, change: str, message: str) -> None:
    assert message in refused_study(ELASTIC, change)
