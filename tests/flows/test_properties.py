"""``graft properties``."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import flows.cli
from al_core.models.sources.shipped import shipped_committee
from tests.bad_input.inputs import bundles


@pytest.fixture
def graft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[str, str]]:
    """Run ``graft properties`` in an empty folder; return what it prints on the two streams."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["graft", "properties", *arguments])
        with pytest.raises(SystemExit) as ended:
            flows.cli.main()
        captured = capsys.readouterr()
        return captured.out, captured.err + f"exit {ended.value.code}"

    return run


def test_a_labelers_properties_as_json_and_as_a_reference(graft: Callable[..., tuple[str, str]]) -> None:
    """Stillinger-Weber silicon, whose lattice and elastic constants are published."""
    out, _ = graft("--labeler", "stillinger_weber", "--element", "Si", "--only", "lattice,elastic", "--json")
    found = json.loads(out)
    assert found["element"] == "Si"
    assert found["labeler"]["kind"] == "stillinger_weber"
    assert found["settings"]["elastic"]["strain"] == 0.005
    values = {name: found[name]["value"] for name in ("lattice_constant_A", "C11_GPa", "C44_GPa")}
    assert values["lattice_constant_A"] == pytest.approx(5.431, abs=1e-3)
    assert values["C11_GPa"] == pytest.approx(151.4, abs=0.2)
    assert found["C11_GPa"]["unit"] == "GPa"
    assert found["C11_GPa"]["reference"] is None
    assert not list(Path().iterdir()), "labels of a millisecond are not kept"
    Path("reference.json").write_text(out)
    scaled = ("--set", "labeler.three_body=1.2", "--reference", "reference.json")
    elastic = ("--labeler", "stillinger_weber", "--element", "Si", "--only", "elastic")
    again = json.loads(graft(*elastic, *scaled, "--json")[0])
    assert again["C11_GPa"]["reference"] == values["C11_GPa"]
    assert again["C44_GPa"]["value"] > 1.05 * values["C44_GPa"]
    assert "lattice_constant_A" not in again
    assert again["C11_GPa"]["light"] == "fair"
    assert again["C44_GPa"]["light"] == "fair"
    table, _ = graft(*elastic, *scaled)
    assert "C44_GPa" in table
    assert "%" in table
    assert "fair" in table
    Path("strict.yaml").write_text('properties: {"C??_GPa": {good: 0, bad: 0.1}}')
    strict = json.loads(graft(*elastic, *scaled, "--lights", "strict.yaml", "--json")[0])
    assert strict["C44_GPa"]["light"] == "bad"
    assert found["C11_GPa"]["light"] is None, "no reference, no light"


def test_shipped_properties_are_a_reference_by_their_name(graft: Callable[..., tuple[str, str]]) -> None:
    germanium = ("--labeler", "stillinger_weber", "--element", "Ge", "--only", "elastic")
    beside = json.loads(graft(*germanium, "--reference", "ge-properties-pbe", "--json")[0])
    assert beside["C11_GPa"]["reference"] == pytest.approx(103.7, abs=0.1)
    assert json.loads(graft(*germanium, "--reference", "none", "--json")[0])["C11_GPa"]["reference"] is None
    assert (
        "no properties 'ge-properties' are shipped; did you mean"
        in graft(*germanium, "--reference", "ge-properties")[1]
    )
    assert "gone.json cannot be read: No such file" in graft(*germanium, "--reference", "gone.json")[1]
    assert (
        "ge-properties-pbe.json is of Ge, expected Si"
        in graft(*germanium[:3], "Si", "--reference", "ge-properties-pbe")[1]
    )


def test_structure_beside_a_reference_has_distances_of_distributions(graft: Callable[..., tuple[str, str]]) -> None:
    small = {"supercell": 1, "walkers": 1, "picoseconds": 0.5, "timestep_fs": 10}
    command = ["--labeler", "emt", "--element", "Cu", "--only", "structure", "--json"]
    command += [part for key, value in small.items() for part in ("--set", f"structure.{key}={value}")]
    out, _ = graft(*command)
    found = json.loads(out)
    assert not any("wasserstein" in name for name in found)
    rdf = found["details"]["structure"]["300 K"]["rdf"]
    rdf["r_A"] = [one + 0.1 for one in rdf["r_A"]]
    Path("reference.json").write_text(json.dumps(found))
    again = json.loads(graft(*command, "--reference", "reference.json")[0])
    assert again["coordination_300K"]["light"] == "good"
    assert again["rdf_300K_wasserstein_A"]["value"] == pytest.approx(0.1)
    vdos = again["vdos_300K_wasserstein_THz"]
    assert (vdos["value"], vdos["reference"], vdos["light"]) == (0.0, 0.0, "good"), "the same walk"
    Path("reference.json").write_text(json.dumps(again))
    assert "wasserstein" in graft(*command, "--reference", "reference.json")[0], "a reference that had one, too"


@pytest.mark.slow
def test_a_committees_properties_their_spread_and_progress(graft: Callable[..., tuple[str, str]]) -> None:
    models = str(shipped_committee("si-pbe"))
    out, err = graft("--bundle", models, "--only", "lattice", "--set", "lattice.phases=[]", "--json")
    found = json.loads(out)
    of_potential = {"element", "crystal", "potential", "labeler", "cost", "settings", "details"}
    assert set(found) - of_potential == {"lattice_constant_A", "bulk_modulus_GPa", "bulk_modulus_derivative"}
    assert found["labeler"] == {}
    assert found["lattice_constant_A"]["value"] == pytest.approx(5.474, abs=2e-3)
    assert 0 < found["bulk_modulus_GPa"]["spread"] < 5
    assert "properties: 5 of 5" in err, "the mean and each of four members"
    assert err.endswith("exit 0")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected either --bundle, or --labeler with --element"),
        (("--bundle", "models", "--labeler", "emt"), "expected either --bundle, or --labeler with --element"),
        (("--labeler", "emt"), "--labeler and --element go together"),
        (("--bundle", "models", "--element", "Si"), "--labeler and --element go together; a bundle knows its element"),
        (("--labeler", "emt", "--element", "Cx"), "element: 'Cx' is not a chemical element"),
        (
            ("--labeler", "emt", "--element", "Ga"),
            "Ga crystallises as orthorhombic; properties are computed of diamond",
        ),
        (("--labeler", "emt", "--element", "Si"), "EMT labels"),
        (("--labeler", "vasp", "--element", "Cu"), "kind"),
        (
            ("--labeler", "emt", "--element", "Cu", "--only", "elastics"),
            "no properties called elastics; known: ",
        ),
        (("--labeler", "emt", "--element", "Cu", "--set", "elastic.strian=1"), "did you mean 'strain'"),
        (
            ("--labeler", "emt", "--element", "Cu", "--structure", "wurtzite"),
            "properties of Cu are computed of diamond, fcc, bcc",
        ),
        (("--labeler", "emt", "--element", "Cu", "--reference", "gone.json"), "gone.json cannot be read"),
        (("--bundle", "models", "--set", "labeler.cutoff_eV=400"), "a bundle is measured, there is no labeler"),
        (("--bundle", "gone"), "gone: no such folder"),
        (
            ("--bundle", "models", "--guide", "models"),
            "--guide shows a labeler's relaxations the way; a bundle needs none",
        ),
        (("--labeler", "emt", "--element", "Cu", "--guide", "models"), "models is a model of Si, expected one of Cu"),
        (("--labeler", "emt", "--element", "Cu", "--guide", "gone"), "gone: no such folder"),
        (("--labeler", "emt", "--element", "Cu", "--lights", "lights.yaml"), "--lights judges deviations from a --ref"),
    ],
)
def test_what_cannot_be_is_refused_in_one_message(
    graft: Callable[..., tuple[str, str]], arguments: tuple[str, ...], message: str
) -> None:
    bundles("models", "Si", "Si")
    out, err = graft(*arguments)
    assert message in err
    assert err.startswith("error: ")
    assert "Traceback" not in err
    assert out == ""
