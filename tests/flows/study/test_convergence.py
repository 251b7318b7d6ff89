"""What a convergence study compares, and what its labels differ by; run with real GPAW, far from converged."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.build import bulk
from ase.io import read, write

from al_core.config.convergence import ConvergenceConfig
from al_core.config.reading import load_config, validate
from al_core.errors import ConfigError
from al_core.labels.convergence import deviation, points
from al_core.storage.files import read_json
from al_core.studies.workspace import Workspace
from al_core.types import Label
from flows.convergence import _structures
from flows.convergence_preflight import preflight_convergence
from tests.flows.study.smoke import GRAFT, Shell

CHEAP = {"kind": "gpaw", "cutoff_eV": 150, "kpt_density": 0.6}
CONFIG: dict[str, Any] = {
    "kind": "convergence",
    "elements": ["Ge"],
    "structures": {"kind": "md", "slices": [{"name": "cold", "count": 2, "temperature_K": 300}]},
    "reference": {**CHEAP, "cutoff_eV": 200},
    "base": CHEAP,
    "vary": {"cutoff_eV": [150, 200]},
    "settings": {"cheap": CHEAP},
}


def test_one_setting_is_varied_at_a_time_and_whole_sets_meet_the_reference() -> None:
    config = validate(ConvergenceConfig, {**CONFIG, "vary": {"kpt_density": [0.6, 1.2]}}, "test")
    found = points(config)
    assert [(point.varied, point.value) for point in found] == [
        ("kpt_density", "0.6"),
        ("kpt_density", "1.2"),
        ("", "cheap"),
    ]
    assert found[1].settings == config.base.varied("kpt_density", 1.2)
    assert found[1].reference == config.base  # their k-points are the same, and its cutoff is not the reference's
    assert found[2].reference == config.reference


def test_deviations_are_root_mean_squares_and_a_constant_energy_is_none() -> None:
    structures = [bulk("Ge", cubic=True), bulk("Ge", cubic=True), bulk("Si", cubic=True)]
    zero = [Label(0.0, np.zeros((8, 3)), np.zeros(6)) for _ in structures]
    forces = np.zeros((8, 3))
    forces[0, 0] = 0.24
    off = [
        Label(8 * 0.5, forces, np.full(6, 0.002), 10.0),
        Label(8 * 0.504, np.zeros((8, 3)), np.zeros(6), 20.0),
        Label(8 * 7.0, np.zeros((8, 3)), np.zeros(6), 30.0),
    ]
    both = [dict(zip("abc", zip(structures, one, strict=True), strict=True)) for one in (off, zero)]
    found = deviation(*both)
    assert found.n_labels == 3
    assert found.force_meV_per_A == pytest.approx(240 / np.sqrt(72))
    assert found.energy_meV_per_atom == pytest.approx(2.0), "silicon, of which there is one, tells nothing"
    assert found.stress_meV_per_A3 == pytest.approx(2 / np.sqrt(3))
    assert found.pressure_meV_per_A3 == pytest.approx(-2 / 3), (
        "only the first is strained: a stress is a pressure's opposite"
    )
    assert found.core_seconds == 20
    del both[1]["a"]  # the reference failed there
    assert deviation(*both).n_labels == 2
    assert np.isnan(deviation({}, both[1]).force_meV_per_A)


@pytest.mark.dft
def test_the_command_writes_table_and_page_and_pays_once(shell: Shell) -> None:
    file, out = shell.folder / "config.yaml", shell.folder / "out"
    file.write_text(yaml.safe_dump(CONFIG))
    output = shell.graft("convergence", file, "--out", out)
    assert "| all | cheap |" in output
    assert f"figures: {out / 'convergence.html'}" in output
    rows = read_json(out / "convergence.json")["rows"]
    paid = {path: path.stat().st_mtime_ns for path in out.glob("labels/*/result.json")}
    assert len(paid) == 4  # two settings, two structures
    assert shell.graft("convergence", file, "--out", out) == output
    assert {path: path.stat().st_mtime_ns for path in out.glob("labels/*/result.json")} == paid
    assert [row["value"] for row in rows] == ["150", "200", "cheap"]
    assert rows[0]["force_meV_per_A"] > 1, "150 and 200 eV are not the same"
    assert rows[1]["force_meV_per_A"] == 0, "the reference's own value"
    assert rows[2] == {**rows[0], "varied": "", "value": "cheap"}
    assert "cutoff_eV" in (out / "convergence.html").read_text()


RATTLED = {
    "kind": "rattled",
    "crystal": {"prototype": "zincblende", "a": 5.5},
    "slices": [{"name": "strained", "count": 2, "rattle_A": 0.05, "strain": 0.02}],
}


@pytest.mark.dft
@pytest.mark.parametrize("kind", ["rattled", "file"])
def test_a_compound_and_a_file_are_compared_too(shell: Shell, kind: str) -> None:
    compound = {**CONFIG, "elements": ["Al", "P"], "structures": RATTLED, "vary": {"cutoff_eV": [150]}, "settings": {}}
    if kind == "file":
        crystals = [bulk("AlP", "zincblende", a=a) for a in (5.4, 5.6)]
        write(shell.folder / "mine.extxyz", crystals)
        structures = {"kind": "file", "path": str(shell.folder / "mine.extxyz")}
        compound = {name: value for name, value in compound.items() if name != "elements"} | {"structures": structures}
    file, out = shell.folder / "config.yaml", shell.folder / "out"
    file.write_text(yaml.safe_dump(compound))
    shell.graft("convergence", file, "--out", out)
    (row,) = read_json(out / "convergence.json")["rows"]
    assert row["n_labels"] == 2
    assert 0 < row["energy_meV_per_atom"] < 5, "what the cutoffs leave of phosphorus is no difference of energies"
    assert row["pressure_meV_per_A3"] != 0


def test_structures_whose_file_or_elements_changed_are_others(tmp_path: Path) -> None:
    def written(**changes: Any) -> Atoms:
        settings = {key: value for key, value in CONFIG.items() if key != "elements"} | changes
        file = _structures(validate(ConvergenceConfig, settings, "test"), Workspace(tmp_path))
        return read(file)

    for a in (5.4, 5.6):
        write(tmp_path / "mine.extxyz", [bulk("AlP", "zincblende", a=a)])
        mine = {"kind": "file", "path": str(tmp_path / "mine.extxyz")}
        assert written(structures=mine).cell.volume == pytest.approx(a**3 / 4)
    for elements in (["Al", "P"], ["Ga", "P"]):
        assert {*written(elements=elements, structures=RATTLED).symbols} == {*elements}


@pytest.mark.dft
def test_labels_that_all_fail_are_told_and_one_setting_of_them_is_left_empty(shell: Shell) -> None:
    file, out = shell.folder / "config.yaml", shell.folder / "out"
    hopeless = {**CHEAP, "max_scf_steps": 2, "ladder": []}
    alone = {**CONFIG, "reference": hopeless, "base": hopeless, "vary": {}, "settings": {"hopeless": hopeless}}
    file.write_text(yaml.safe_dump(alone))
    errors = shell.run(GRAFT, "convergence", file, "--out", out, code=1).stderr
    assert (
        f"no structure has labels of both a setting and its reference; the causes are in {out / 'labels.db'}" in errors
    )
    file.write_text(yaml.safe_dump({**CONFIG, "vary": {}, "settings": {"cheap": CHEAP, "hopeless": hopeless}}))
    shell.graft("convergence", file, "--out", out)
    rows = {row["value"]: row for row in read_json(out / "convergence.json")["rows"]}
    assert rows["cheap"]["force_meV_per_A"] > 1
    assert (rows["hopeless"]["n_labels"], rows["hopeless"]["force_meV_per_A"]) == (0, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vary": {"cutof_eV": [300]}}, "unknown setting 'cutof_eV'; did you mean 'cutoff_eV'?"),
        ({"vary": {"cutoff_eV": [3]}}, "vary.cutoff_eV: Input should be greater than or equal to 100, got 3"),
        ({"vary": {}, "settings": {}}, "nothing to compare"),
        ({"elements": ["U"]}, "not U"),
        ({"elements": []}, "elements: at least one is needed"),
        ({"structures": {"kind": "file", "path": "mine.extxyz"}}, "elements: leave them out: a file has its own"),
        ({"elements": [], "structures": {"kind": "file", "path": "mine.extxyz"}}, "mine.extxyz"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({**CONFIG, **changes}))
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        preflight_convergence(load_config(ConvergenceConfig, file), tmp_path / "out")
