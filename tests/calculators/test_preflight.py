"""What is known of labels before they are paid for: notes, and whether test labels are of the same theory."""

import logging

import pytest
from ase.build import bulk

from al_core.config.labelers import AnyLabeler, GPAWLabeler, StillingerWeberLabeler
from al_core.config.site import Jobs
from al_core.errors import ConfigError, SiteError
from al_core.structures.checks import bare
from calculators.base import make_labeler
from calculators.preflight import check_labels_possible, check_memory, check_same_theory, report


def test_notes_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    report.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            check_labels_possible([bare(bulk("Fe", "bcc", a=2.87))], GPAWLabeler(), "the pool")
            check_labels_possible([bulk("Ge", a=5.7)], GPAWLabeler(), "the pool")
    magnetic, pulay = caplog.messages
    assert magnetic.startswith(
        "note: labeler gpaw, the pool: Fe: magnetic as a solid, but labelled without a magnetic moment"
    )
    assert pulay.startswith("note: labeler gpaw, the pool: cutoff_eV 250 is low for Fe")


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


def test_a_job_without_memory_for_a_label_is_refused() -> None:
    labeler, cell = make_labeler(GPAWLabeler()), bulk("Ge", a=5.77, cubic=True)
    vacancy = cell * (2, 2, 2)
    del vacancy[0]
    assert 1276 < labeler.estimate_megabytes(vacancy) < 1.5 * 1276, "it took 1,276 MB"
    jobs = Jobs(cores=32, memory="32 GiB", walltime="04:00:00")
    assert jobs.megabytes_per_core == pytest.approx(1073.7, abs=0.1)
    check_memory([cell], labeler, jobs.megabytes_per_core)
    check_memory([cell, vacancy], labeler, None)
    with pytest.raises(
        SiteError, match=r"a label of 63 atoms by gpaw takes some 1\d\d\d MB of memory, and a core of the"
    ):
        check_memory([cell, vacancy], labeler, jobs.megabytes_per_core)
    check_memory([vacancy], make_labeler(StillingerWeberLabeler()), 1.0)
