"""What is known of labels before they are paid for: notes, and whether test labels are of the same theory."""

import logging

import pytest
from ase.build import bulk

from al_core.config.labelers import AnyLabeler, GPAWLabeler, StillingerWeberLabeler
from al_core.errors import ConfigError
from al_core.structures.checks import bare
from calculators.base import make_labeler
from calculators.preflight import _report, check_labels_possible, check_same_theory


def test_a_note_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    _report.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            check_labels_possible([bare(bulk("Fe", "bcc", a=2.87))], GPAWLabeler(), "the pool")
            check_labels_possible([bulk("Ge", a=5.7)], GPAWLabeler(), "the pool")
    (message,) = caplog.messages
    assert message.startswith("note: labeler gpaw: Fe: magnetic as a solid, but labelled without a magnetic moment")


@pytest.mark.parametrize(
    ("theirs", "ours", "different"),
    [
        (GPAWLabeler(spin={"Fe": 2.2}), GPAWLabeler(), r"spin \{'Fe': 2.2\} against default"),
        (GPAWLabeler(), GPAWLabeler(spin={"Fe": 2.2}), r"spin default against \{'Fe': 2.2\}"),
        (GPAWLabeler(), GPAWLabeler(cutoff_eV=300), r"cutoff_eV 250.0 against 300.0"),
        (StillingerWeberLabeler(), StillingerWeberLabeler(three_body=0.9), "three_body default against 0.9"),
    ],
    ids=["theirs is polarised", "ours is polarised", "cutoff", "three-body strength"],
)
def test_labels_of_two_theories_are_told_apart(theirs: AnyLabeler, ours: AnyLabeler, different: str) -> None:
    with pytest.raises(ConfigError, match=rf"x was labelled with other settings .*\({different}\)"):
        check_same_theory("test: x", make_labeler(theirs).identity(), ours, "test.kind=md")
    check_same_theory("test: x", make_labeler(theirs).identity(), theirs, "test.kind=md")
