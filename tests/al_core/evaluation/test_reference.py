"""Reference values from a file."""

import json
from pathlib import Path

import pytest
from ase.collections import dcdft

from al_core.config.evaluation import DefectsEvaluation, ElasticEvaluation, LatticeEvaluation, PropertySettings
from al_core.config.labelers import GPAWLabeler
from al_core.errors import ConfigError
from al_core.evaluation.measured import Measured, Property
from al_core.evaluation.reference import as_file, read_reference, shipped_reference
from calculators.base import make_labeler

VERSIONS = ("gpaw", "gpaw_data")
ELASTIC = Measured({"C11_GPa": Property(104.0, "GPa", "", 1.0), "C12_GPa": Property(None, "GPa", "not a crystal")})
LATTICE = Measured({"lattice_constant_A": Property(5.767, "Å")}, {"volume_A3_per_atom": [23.0, 24.0]})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file, settings = tmp_path / "reference.json", {"elastic": ElasticEvaluation(), "lattice": LatticeEvaluation()}
    measured = {"elastic": ELASTIC, "lattice": LATTICE}
    file.write_text(json.dumps(as_file("Ge", "diamond", "gpaw", {"kind": "gpaw"}, settings, measured, {"labels": 20})))
    found = read_reference(file, "Ge")
    assert found.measured == measured
    assert found.labeler == {"kind": "gpaw"}
    assert found.settings["elastic"] == ElasticEvaluation().model_dump(mode="json")
    assert found.values() == {"C11_GPa": 104.0, "lattice_constant_A": 5.767}, "what could not be computed is left out"


def test_shipped_germanium_is_near_all_electron_calculations() -> None:
    """WIEN2k's values are those of the comparison of codes of Lejaeghere and others, as ASE has them."""
    found = read_reference(shipped_reference("ge-properties-pbe"), "Ge")
    values, wien2k = found.values(), dcdft.data["Ge"]
    assert values["lattice_constant_A"] == pytest.approx((8 * wien2k["wien2k_volume"]) ** (1 / 3), rel=2e-3)
    assert values["bulk_modulus_GPa"] == pytest.approx(wien2k["wien2k_B"], rel=0.03)
    assert (values["C11_GPa"] + 2 * values["C12_GPa"]) / 3 == pytest.approx(wien2k["wien2k_B"], rel=0.02)
    assert 1.0 < values["surface_111_J_per_m2"] < values["surface_110_J_per_m2"] < values["surface_100_J_per_m2"] < 1.4
    assert found.labeler == make_labeler(GPAWLabeler()).identity() | {key: found.labeler[key] for key in VERSIONS}
    usual = {one: getattr(PropertySettings(), one).model_dump(mode="json") for one in found.measured}
    assert found.settings == usual | {"defects": DefectsEvaluation(which=("vacancy",)).model_dump(mode="json")}


def test_a_reference_is_of_one_crystal(tmp_path: Path) -> None:
    file = tmp_path / "reference.json"
    whole = as_file("Ge", "fcc", "theirs", {}, {}, {"elastic": ELASTIC}, {})
    file.write_text(json.dumps(whole))
    assert read_reference(file, "Ge", "fcc").measured == {"elastic": ELASTIC}
    with pytest.raises(ConfigError, match="is of Ge as fcc, expected diamond"):
        read_reference(file, "Ge")
    del whole["crystal"]  # as files of before
    file.write_text(json.dumps(whole))
    assert read_reference(file, "Ge", "diamond") == read_reference(file, "Ge")
    with pytest.raises(ConfigError, match="is of Ge as diamond, expected fcc"):
        read_reference(file, "Ge", "fcc")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "is not JSON"),
        ("[1]", "expected what graft properties --json prints"),
        ('{"C11_GPa": {"value": 1}}', "expected what graft properties --json prints"),
        (
            '{"element": "Si", "potential": "", "labeler": {}, "cost": {}, "settings": {}, "details": {}}',
            "is of Si, expected Ge",
        ),
        (
            json.dumps(as_file("Ge", "diamond", "theirs", {}, {}, {}, {}) | {"C11_GPa": 104}),
            "C11_GPa has no value, unit, remark, spread, evaluation: expected a property",
        ),
    ],
)
def test_what_is_no_reference_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "reference.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_reference(file, "Ge")
