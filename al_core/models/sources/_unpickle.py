"""Read a mace ``.model`` file and write what is in it as data.

    python -m al_core.models.sources._unpickle FILE FOLDER

A ``.model`` file is a Python pickle: reading it runs what it says. That happens in this process only, which the user
has allowed; ``FOLDER`` gets ``config.json`` and ``weights.safetensors``, and nothing else reads the file.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from al_core.models.engine.mace import mace_modules


def _plain(value: Any) -> Any:
    """Return a hyperparameter, JSON-ready: classes and functions by name, irreps as text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, torch.Tensor) or hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, list | tuple) and not hasattr(value, "lmax"):
        return [_plain(item) for item in value]
    return str(getattr(value, "__name__", value))


def main(file: Path, folder: Path) -> None:
    """Write the hyperparameters and the state of a model into a folder."""
    mace_modules()
    from mace.tools.scripts_utils import extract_config_mace_model

    model = torch.load(file, map_location="cpu", weights_only=False)
    config = extract_config_mace_model(model)
    if "error" in config:
        raise ValueError(config["error"])
    state = {name: value.detach().contiguous().clone() for name, value in model.state_dict().items()}
    save_file(state, folder / "weights.safetensors")
    described = {name: _plain(value) for name, value in config.items()}
    (folder / "config.json").write_text(json.dumps(described), encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
