"""Traffic lights."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from ase.calculators.calculator import Calculator

from al_core.config.evaluation import PropertySettings, StructureEvaluation
from al_core.errors import ConfigError, LabelError
from al_core.evaluation.distances import distances
from al_core.evaluation.lights import light, own_lights, read_lights
from al_core.evaluation.material import Material
from al_core.evaluation.properties import METHODS


@pytest.mark.parametrize(
    ("name", "value", "reference", "expected"),
    [
        ("lattice_constant_A", 5.50, 5.47, "good"),
        ("lattice_constant_A", 5.47 - 0.1, 5.47, "fair"),
        ("lattice_constant_A", 5.67, 5.47, "bad"),
        ("bulk_modulus_GPa", 97.0, 89.0, "good"),
        ("bulk_modulus_GPa", 79.0, 89.0, "fair"),
        ("bulk_modulus_GPa", 59.0, 89.0, "bad"),
        ("vacancy_formation_energy_eV", 3.4, 3.5, "good"),
        ("vacancy_formation_energy_eV", 3.0, 3.5, "fair"),
        ("vacancy_formation_energy_eV", 2.8, 3.5, "bad"),
        ("C44_GPa", 80.0, 79.0, "good"),
        ("surface_111_J_per_m2", 1.0, 1.45, "fair"),
        ("phonon_X_lowest_THz", 3.0, 4.4, "bad"),
        ("fcc_energy_meV_per_atom", 540.0, 530.0, "good"),
        ("rdf_300K_wasserstein_A", 0.1, 0.0, "fair"),
    ],
)
def test_the_light_of_a_deviation(name: str, value: float, reference: float, expected: str) -> None:
    assert light(name, value, reference) == expected


def test_what_cannot_be_judged_has_no_light() -> None:
    assert light("colour", 1.0, 2.0) is None
    assert light("vacancy_formation_energy_eV", 1.0, 0.0) is None, "percent of nothing"


def test_percent_are_of_the_size_of_the_reference() -> None:
    assert light("interstitial_formation_energy_eV", -2.0, -1.0) == "bad"


class NoLabels(Calculator):
    """Computes nothing, so that all properties have their names and no values."""

    implemented_properties = ["energy", "forces", "stress"]  # noqa: RUF012 (ASE's way)

    def calculate(self, *arguments: Any, **options: Any) -> None:
        raise LabelError("there are no labels")


@pytest.mark.parametrize("structure", ["diamond", "fcc", "bcc", "sc"])
def test_every_property_has_limits(structure: str) -> None:
    settings = PropertySettings(structure=StructureEvaluation(melt_K=1000))
    material = Material("Si", NoLabels(), structure)
    names = ["least_stiffness_GPa", "drift_300K_meV_per_atom_per_ps"]
    for kind, method in METHODS.items():
        found = method(material, getattr(settings, kind)).properties
        assert {one.remark for one in found.values()} == {"there are no labels"}
        names += found
    empty = {"density": [], "g": [], "r_A": [], "degree": [], "frequency_THz": []}
    details = {case: dict.fromkeys(("rdf", "angles", "vdos"), empty) for case in ("300 K", "melt")}
    names += distances(details, details)
    assert [name for name in names if light(name, 1.0, 1.0) is None] == []


def test_limits_say_where_they_are_from() -> None:
    assert all(limits.source for limits in own_lights().values())


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(content: Any) -> Path:
        path = tmp_path / "lights.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return write


def test_a_users_table_goes_before_ours(file: Any) -> None:
    table = read_lights(
        file({"properties": {"C*_GPa": {"good": 0, "bad": 100}, "C44_GPa": {"good": 1, "bad": 3, "percent": True}}})
    )
    assert light("C11_GPa", 120.0, 100.0, table) == "good"
    assert light("C11_GPa", 120.0, 100.0) == "bad"
    assert light("C44_GPa", 102.0, 100.0, table) == "fair"
    assert light("lattice_constant_A", 5.6, 5.47, table) == light("lattice_constant_A", 5.6, 5.47) == "fair"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"properties": {"latice_constant_A": {"good": 0, "bad": 1}}},
            "is called 'latice_constant_A'; did",
        ),
        ({"properties": {"C11_GPa": {"good": 0}}}, "properties.C11_GPa.bad: is required"),
        ({"properties": {"C11_GPa": {"good": 5, "bad": 2}}}, "C11_GPa: good is 5.0, bad is 2.0: expected a bad"),
        (
            {"properties": {"C11_GPa": {"good": -1, "bad": 2}}},
            "good: input should be greater than or equal to 0",
        ),
        ({"properties": {"C11_GPa": {"good": 0, "bad": 2, "percents": True}}}, "did you mean 'percent'"),
        ({"properties": {"C11_GPa": 3}}, "C11_GPa: "),
        ({"property": {}}, "did you mean 'properties'"),
        ("[", "is not YAML"),
        ("", "is empty"),
    ],
)
def test_a_wrong_table_is_refused(file: Any, content: Any, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_lights(file(content))
    assert message in str(error.value)


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml: no such file"):
        read_lights(tmp_path / "gone.yaml")
