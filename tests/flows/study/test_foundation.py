"""A whole study with a foundation model: as it is, and as the teacher of the committee that an arm starts from."""

import json

import pytest

from al_core.studies.results import load_results
from tests.flows.study.smoke import GRAFT, ROOT, SMOKE, Shell

TINY = "{channels: 8, l_max: 2, correlation: 2, r_max: 4.0, radial_functions: 6, radial_mlp: [16, 16]}"
DISTILLED = "{name: distilled, kind: transfer, source: {kind: bundles, path: taught}}"


@pytest.mark.train
def test_a_committee_that_chgnet_taught_is_an_arm_and_chgnet_is_a_line(shell: Shell) -> None:
    slices = "[{name: warm, count: 8, temperature_K: 600, strain: 0.04, steps: 30}]"
    changes = [f"structures.slices={slices}", "committee=2", f"model={TINY}", "training={steps: 40, batch_size: 4}"]
    teaching = [part for change in changes for part in ("--set", change)]
    shell.run(GRAFT, "pretrain", ROOT / "configs" / "pretrain_ge_chgnet.yaml", "--out", "taught", *teaching)
    card = json.loads((shell.folder / "taught" / "committee.json").read_text())
    assert (card["elements"], card["members"]) == (["Ge"], 2)

    changes = [f"arms=[scratch, transfer, {DISTILLED}]", "acquisitions=[random]", "comparisons=[shared]"]
    changes += ["budgets=[1, 4]", "zero_shot=[chgnet]"]
    study = ["study", "run", SMOKE, "--out", "out", *(part for change in changes for part in ("--set", change))]
    shell.run(GRAFT, *study)
    results = load_results(shell.folder / "out")
    assert results.complete
    assert {row.arm for row in results.rows} == {"scratch", "transfer", "distilled"}
    assert len({row.model for row in results.rows}) == 6
    assert results.provenance["source of distilled"]["folder"] == "taught"
    errors = results.zero_shot["CHGNet 0.3.0"].metrics["all"]
    assert 100 < errors["force_mae_meV_per_A"] < 1000, "it was trained on PBE, and the test set is Stillinger-Weber's"
    assert errors["energy_mae_meV_per_atom"] < 200
    assert "CHGNet 0.3.0 has been trained on Ge" in (shell.folder / "out" / "report.html").read_text()

    trained = {path.name for path in (shell.folder / "out" / "models").iterdir()}
    (shell.folder / "taught").rename(shell.folder / "elsewhere")
    shell.run(
        GRAFT, *(part.replace("path: taught", "path: elsewhere") if isinstance(part, str) else part for part in study)
    )
    assert {path.name for path in (shell.folder / "out" / "models").iterdir()} == trained, "where it is does not count"
