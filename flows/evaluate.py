"""The flow ``evaluate``: errors of a model or committee on labelled data."""

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_table_artifact

from al_core.evaluation.assessment import assess
from flows.runtime.artifacts import artifact_key


@flow(name="evaluate", flow_run_name="evaluate {bundle} on {data}")
def evaluate(bundle: str, data: str, energy_key: str = "REF_energy", forces_key: str = "REF_forces") -> dict[str, Any]:
    """Return {slice: {metric: value}} of a bundle, or of a folder of bundles (their mean), on a labelled file.

    Args:
        bundle: a model bundle or a committee's folder.
        data: extxyz file with energies (eV) and forces (eV/Å).
        energy_key, forces_key: the names the labels have in the file.
    """
    errors = assess(Path(bundle), Path(data), energy_key, forces_key)
    create_table_artifact(
        [{"slice": name, **values} for name, values in errors.items()],
        key=artifact_key("errors", Path(bundle).resolve()),
        description=f"{bundle} on {data}",
    )
    return errors
