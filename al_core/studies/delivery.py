"""What a growth is for: the committee as a folder of its own, with its calibration, and a file for other programs."""

import os
import shutil

from al_core.config.target import title_of
from al_core.models.bundle import load_bundle, save_bundle
from al_core.models.committee import CALIBRATION, committee_folders
from al_core.models.engine.mace import export
from al_core.storage.files import write_json
from al_core.studies.committees import load_committee
from al_core.studies.keys import ModelInputs
from al_core.studies.workspace import Workspace
from al_core.uncertainty.calibration import Calibration


def deliver(inputs: ModelInputs, calibration: Calibration) -> None:
    """Write the folder ``model``, with the committee and its calibration, and ``ELEMENT.model``, its first member.

    Both appear whole, in the place of those of an earlier round.
    """
    workspace = Workspace(inputs.out)
    temporary = workspace.model.with_name(".tmp-model")
    shutil.rmtree(temporary, ignore_errors=True)
    for number, bundle in enumerate(load_committee(inputs)):
        save_bundle(bundle, temporary / f"member-{number}")
    write_json(temporary / CALIBRATION, calibration.as_dict())
    shutil.rmtree(workspace.model, ignore_errors=True)
    os.replace(temporary, workspace.model)
    export(load_bundle(committee_folders(workspace.model)[0]), workspace.out / f"{title_of(inputs.target)}.model")
