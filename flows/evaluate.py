"""The flow ``evaluate``: errors of a model or committee on labelled data."""

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_table_artifact

from al_core.evaluation.assessment import assess
from flows.planning import label_keys
from flows.runtime.artifacts import artifact_key


@flow(name="evaluate", flow_run_name="evaluate {bundle} on {data}")
def evaluate(
    bundle: str,
    data: str,
    energy_key: str = "REF_energy",
    forces_key: str = "REF_forces",
    stress_key: str | None = "REF_stress",
    stress_unit: str = "eV/A^3",
) -> dict[str, Any]:
    """Return {slice: {metric: value}} of a bundle, or of a folder of bundles (their mean), on a labelled file.

    The slice ``all`` is the mean over slices; metrics as in :func:`al_core.evaluation.errors.slice_errors`.

    Args:
        bundle: a model bundle or a committee's folder.
        data: extxyz file with energies (eV), forces (eV/Å) and, if they are known, stresses.
        energy_key, forces_key, stress_key: the names the labels have in the file.
        stress_unit: unit of the stresses in the file.
    """
    keys = {"energy_key": energy_key, "forces_key": forces_key, "stress_key": stress_key, "stress_unit": stress_unit}
    errors = assess(Path(bundle), Path(data), label_keys(Path(data), keys))
    create_table_artifact(
        [{"slice": name, **values} for name, values in errors.items()],
        key=artifact_key("errors", Path(bundle).resolve()),
        description=f"{bundle} on {data}",
    )
    return errors
