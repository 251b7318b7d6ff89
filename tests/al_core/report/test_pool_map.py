"""The map of pool and test set on a page, and the structures it shows."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_core.report import pool_map
from al_core.report.figures import plotly_script
from al_core.report.page import Section, page_html
from al_core.report.pool_map import pool_map_section
from al_core.storage.files import write_json
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures, write_labelled
from al_core.studies.data import write_structures
from al_core.studies.predictions import CellPredictions, Predicted
from al_core.studies.results import Row
from al_core.studies.workspace import Workspace

POOL, TEST = 5, 3


@pytest.fixture
def study(tmp_path: Path, crystals: Any, sw_label: Any) -> Path:
    """The folder of a study with a map of five and three structures on a diagonal."""
    workspace = Workspace(tmp_path)
    pool, test = crystals("Ge", POOL, seed=1), crystals("Ge", TEST, seed=2)
    pool[0].info["config_type"] = "a</script><b>"
    write_structures(workspace.pool, pool)
    write_labelled(workspace.test, [(atoms, sw_label(atoms)) for atoms in test])
    points = [
        [[structure_id(atoms), atoms.info["config_type"], float(number), float(number)] for number, atoms in some]
        for some in (
            enumerate(read_structures(workspace.pool)),
            enumerate(read_structures(workspace.test), start=POOL),
        )
    ]
    write_json(workspace.pool_map, {"inputs": "k", "explained": [0.7, 0.2], "pool": points[0], "test": points[1]})
    return tmp_path


def rows(study: Path) -> list[Row]:
    """Two acquisitions: random selects the first structure and then the second, the other the third."""
    names = [structure_id(atoms) for atoms in read_structures(Workspace(study).pool)]
    chosen = {("random", 1): names[:1], ("random", 2): names[:2], ("uncertainty", 1): names[2:3]}
    return [
        Row("shared", "rescaled", acquisition, 0, budget, "m", {}, (), tuple(f"L{name}-t" for name in some), 1.0)
        for (acquisition, budget), some in chosen.items()
    ]


def cells(study: Path) -> list[CellPredictions]:
    """Force errors of 0.1, 0.2 and 0.3 eV/Å with one seed, twice as much with another; another arm knows no error."""
    ids = [structure_id(atoms) for atoms in read_structures(Workspace(study).test)]

    def cell(arm: str, seed: int, error: float) -> CellPredictions:
        zero = np.zeros((8, 3))
        some = (
            Predicted(name, "group0", 0.0, 0.0, zero, zero + error * (1 + number), zero[:, 0])
            for number, name in enumerate(ids)
        )
        return CellPredictions(arm, seed, 4, tuple(some))

    return [cell("rescaled", 0, 0.1), cell("rescaled", 1, 0.2), cell("scratch", 0, 0.0)]


def embedded(html: str) -> Any:
    """Return the data of a section."""
    (text,) = re.findall(r'<script type="application/json">(.*?)</script>', html, flags=re.DOTALL)
    return json.loads(text)


def test_a_study_without_a_map_or_with_one_of_other_structures_has_no_section(study: Path) -> None:
    assert pool_map_section(study, [], [], "rescaled") is not None
    Workspace(study).pool.unlink()
    assert pool_map_section(study, [], [], "rescaled") is None
    Workspace(study).pool_map.unlink()
    assert pool_map_section(study, [], [], "rescaled") is None


def test_every_structure_can_be_chosen_and_has_its_atoms(study: Path) -> None:
    section = pool_map_section(study, rows(study), cells(study), "rescaled")
    assert section is not None
    data = embedded(section.html)
    assert len(data["structures"]) == POOL + TEST
    assert section.html.count("<option") == POOL + TEST + 2
    assert "hold 90 % of their variance" in section.caption
    assert "the pool, 5 structures" in section.caption
    for entry, atoms in zip(data["structures"], read_structures(Workspace(study).pool), strict=False):
        cell = np.array(entry["cell"]).reshape(3, 3) / 100
        np.testing.assert_allclose(cell, atoms.cell.array, atol=0.006)
        apart = np.array(entry["atoms"]).reshape(-1, 3) / 100 - atoms.positions
        within = apart @ np.linalg.inv(cell)
        np.testing.assert_allclose(within, within.round(), atol=0.01), "moved by whole cells"


def test_what_is_told_of_structures_is_when_they_were_selected_and_how_wrong_the_leader_is(study: Path) -> None:
    section = pool_map_section(study, rows(study), cells(study), "rescaled")
    assert section is not None
    told = [entry["told"] for entry in embedded(section.html)["structures"]]
    assert told[0].endswith("selected by random with 1 label")
    assert told[1].endswith("selected by random with 2 labels")
    assert told[2].endswith("selected by uncertainty with 1 label")
    assert told[3].endswith("not selected")
    assert [one.rpartition(": ")[2] for one in told[POOL:]] == [
        "force MAE of rescaled 150 meV/Å",
        "force MAE of rescaled 300 meV/Å",
        "force MAE of rescaled 450 meV/Å",
    ]
    assert "coloured by the force MAE of rescaled with 4 labels, mean over 2 seeds" in section.caption
    plain = pool_map_section(study, [], [], "rescaled")
    assert plain is not None
    assert "coloured" not in plain.caption
    assert "Rings" not in plain.caption
    assert embedded(plain.html)["structures"][POOL]["told"].startswith("test, group0, ")


def test_names_of_slices_cannot_end_a_script(study: Path) -> None:
    section = pool_map_section(study, rows(study), cells(study), "rescaled")
    assert section is not None
    assert "a</script>" not in section.html
    assert embedded(section.html)["structures"][0]["told"].startswith("pool, a</script><b>, ")


def test_where_there_are_too_many_atoms_those_of_the_rest_of_the_pool_are_left_out(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_map, "_MOST_ATOMS", 8 * (TEST + 4))
    section = pool_map_section(study, rows(study), cells(study), "rescaled")
    assert section is not None
    structures = embedded(section.html)["structures"]
    assert [number for number, entry in enumerate(structures) if "atoms" not in entry] == [POOL - 1]


SCRIPT = """
<script>
addEventListener("load", async () => {
  const wait = time => new Promise(done => setTimeout(done, time));
  await wait(500);
  const root = document.getElementById("pool-map"), plot = document.getElementById("pool-map-figure");
  const canvas = root.querySelector("canvas"), told = root.querySelector(".pool-map-told");
  const ink = () => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
    .filter((value, index) => index % 4 === 3 && value).length;
  const steps = [];
  const note = () => steps.push({ shown: Number(canvas.dataset.shown), ink: ink(), told: told.textContent,
    label: canvas.getAttribute("aria-label"), mark: plot.data.at(-1).x[0],
    visible: plot.data.filter(trace => trace.visible !== false).map(trace => trace.name).filter(Boolean),
    picture: canvas.toDataURL().length });
  note();
  const choose = (name, value) => {
    const select = root.querySelector(`select[data-choice="${name}"]`);
    select.value = value;
    select.dispatchEvent(new Event("change"));
  };
  choose("structure", 6); await wait(100); note();
  const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect();
  const at = { clientX: box.left + xaxis._offset + xaxis.c2p(3), clientY: box.top + yaxis._offset + yaxis.c2p(3),
    bubbles: true, button: 0 };
  const layer = plot.querySelector(".nsewdrag");
  layer.dispatchEvent(new MouseEvent("mousemove", at)); await wait(300);
  layer.dispatchEvent(new MouseEvent("mousedown", { ...at, buttons: 1 }));
  (document.querySelector(".dragcover") ?? document).dispatchEvent(new MouseEvent("mouseup", at));
  await wait(500); note();
  canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft" })); await wait(100); note();
  choose("selection", 1); await wait(100); note();
  const found = document.createElement("pre");
  found.id = "found";
  found.textContent = JSON.stringify({ steps, faults });
  document.body.append(found);
});
</script>
"""


@pytest.mark.browser
def test_a_click_and_the_list_draw_a_structure(study: Path, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium here")
    section = pool_map_section(study, rows(study), cells(study), "rescaled")
    assert section is not None
    faults = (
        "<script>const faults = []; addEventListener('error', event => faults.push(event.message));"
        "console.error = console.warn = (...words) => faults.push(words.join(' '));</script>"
    )
    page = page_html("map", faults, [Section("map", "Map", section.html + SCRIPT)], plotly_script())
    path = tmp_path / "map.html"
    path.write_text(page, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--dump-dom"]
    flags += ["--virtual-time-budget=20000", "--window-size=1000,900", f"--user-data-dir={tmp_path}/profile"]
    done = subprocess.run([browser, *flags, path.as_uri()], capture_output=True, text=True, timeout=180, check=True)
    (text,) = re.findall(r'<pre id="found">(.*?)</pre>', done.stdout, flags=re.DOTALL)
    found = json.loads(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert found["faults"] == []
    begin, chosen, clicked, turned, other = found["steps"]
    assert [step["shown"] for step in found["steps"]] == [0, 6, 3, 3, 3]
    assert [step["mark"] for step in found["steps"]] == [0, 6, 3, 3, 3]
    assert all(step["ink"] > 5000 for step in found["steps"]), "atoms are drawn"
    assert chosen["told"].startswith("test, group1, ")
    assert chosen["label"].startswith(chosen["told"])
    assert clicked["told"].startswith("pool, group1, ")
    assert turned["picture"] != clicked["picture"]
    assert begin["visible"] == turned["visible"] == ["pool", "test set", "with 1 label", "with 2 labels"]
    assert other["visible"] == ["pool", "test set", "with 1 label"]
