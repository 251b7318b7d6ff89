"""The registry knows every labeler of the configs, and importing one imports no other."""

import subprocess
import sys
from typing import get_args

import pytest

from al_core.config.labelers import AnyLabeler, BundledLabeler, DatasetLabeler, EMTLabeler, GPAWLabeler, ImportedLabeler
from al_core.config.labelers import StillingerWeberLabeler as SWLabeler
from calculators.base import LABELERS, make_labeler


def test_every_kind_of_the_configs_is_registered() -> None:
    assert sorted(LABELERS) == sorted(settings.model_fields["kind"].default for settings in get_args(AnyLabeler))


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (GPAWLabeler(), "gpaw"),
        (SWLabeler(), "stillinger_weber"),
        (EMTLabeler(), "emt"),
        (DatasetLabeler(path="x.extxyz"), "dataset"),
        (BundledLabeler(name="ge-test-pbe"), "dataset"),  # the keys of its labels are those of its file
        (ImportedLabeler(theory="PBE"), "imported"),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_a_labeler_is_made_from_its_settings(settings: AnyLabeler, name: str) -> None:
    assert make_labeler(settings).name == name


def test_making_one_labeler_imports_no_other() -> None:
    program = (
        "import sys; from al_core.config.labelers import EMTLabeler; from calculators.base import make_labeler\n"
        "make_labeler(EMTLabeler())\n"
        "print(*sorted(name for name in sys.modules if name.startswith('calculators.')))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        "calculators.base",
        "calculators.cheap",
        "calculators.classical",
        "calculators.classical.emt",
        "calculators.classical.labeler",
    ]
