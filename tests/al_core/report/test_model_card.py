"""The model card of a committee: its errors by slice, with stress where labels have one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from al_core.models.bundle import save_bundle
from al_core.report.model_card import model_card
from al_core.storage.files import write_json

FORCES = {
    "force_mae_meV_per_A": 21.04,
    "force_rmse_meV_per_A": 30.0,
    "energy_mae_meV_per_atom": 1.5,
    "energy_rmse_meV_per_atom": 2.0,
    "n_structures": 4,
}


def test_the_errors_of_each_slice(source: Any, tmp_path: Path) -> None:
    for number, bundle in enumerate(source):
        save_bundle(replace(bundle, info={**bundle.info, "settings": {"steps": 30}}), tmp_path / f"member-{number}")
    stressed = {**FORCES, "stress_mae_GPa": 0.316, "pressure_bias_GPa": -0.052}
    errors = {"all": {**stressed, "pressure_bias_GPa": 0.25}, "bulk": stressed, "cluster": FORCES}
    card = {"data_sha256": "ab", "held_out": 4, "errors": errors, "members_force_mae_meV_per_A": [22.0, 23.0]}
    write_json(tmp_path / "committee.json", card)
    lines = model_card(tmp_path, "tiny").splitlines()
    assert "| all | 4 | 21.0 | 30.0 | 1.50 | 0.32 | +0.25 |" in lines
    assert "| bulk | 4 | 21.0 | 30.0 | 1.50 | 0.32 | -0.05 |" in lines
    assert "| cluster | 4 | 21.0 | 30.0 | 1.50 | – | – |" in lines
    assert "Of the committee's mean; `all` is the mean over slices. Pressure: predicted minus labelled, mean." in lines
