"""Models of mace, foundation models among them, as source committees that execute no code."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase.data import chemical_symbols
from pydantic import ValidationError
from safetensors.torch import load_file

from al_core.config.training import Architecture
from al_core.errors import BundleError
from al_core.models.bundle import Bundle, save_bundle
from al_core.models.engine.mace import untrained_state
from al_core.models.engine.stack import E0
from al_core.models.slicing import select_elements
from al_core.models.sources.members import member_folder
from al_core.storage.files import read_json, write_json
from al_core.storage.hashing import file_sha256

_PERTURBATION = 0.05  # of the readouts' weights, relative: what tells the members of a committee of one model apart
_HIDDEN = re.compile(r"^(\d+)x0e(?:\+\1x1o(?:\+\1x2e)?)?$")
_FIRST = {"RealAgnosticInteractionBlock": False, "RealAgnosticResidualInteractionBlock": True}
# what mace can do and a bundle does not say: the value that means that it is not used
_UNUSED = {
    "radial_type": "bessel",
    "distance_transform": (None, "NoneType"),
    "pair_repulsion": False,
    "interaction_cls": "RealAgnosticResidualInteractionBlock",
    "MLP_irreps": "16x0e",
    "gate": "silu",
    "edge_irreps": None,
    "use_so3": False,
    "use_edge_irreps_first": False,
    "use_agnostic_product": False,
    "use_last_readout_only": False,
    "use_embedding_readout": False,
    "embedding_specs": None,
    "apply_cutoff": True,
}
_TIMEOUT_S = 600.0


def convert(files: Sequence[Path], elements: Sequence[str], out: Path, members: int) -> list[Path]:
    """Write ``.model`` files of mace as a committee of bundles, restricted to some elements, and return their folders.

    Each file is read in a process of its own, where the code in it runs: only for files that the user trusts. Energies
    and forces of the bundles are those of the models. Members beyond the number of files are copies whose readouts'
    weights differ at random by five per cent.

    Args:
        files: the models, of one architecture.
        elements: chemical symbols that are kept, in this order; all of the model's if there are none.
        out: the committee's folder, which gets ``member-0``, ``member-1``, ...
        members: how many, at least as many as files.

    Raises:
        BundleError: a file is no model, or one that cannot be converted.
    """
    bundles = [_bundle(file, elements) for file in files]
    for file, bundle in zip(files, bundles, strict=True):
        if (bundle.architecture, bundle.elements) != (bundles[0].architecture, bundles[0].elements):
            raise BundleError(f"{file}: another architecture or other elements than {files[0]}: no committee")
    folders = []
    for number in range(members):
        one = bundles[number % len(bundles)]
        if number >= len(bundles):
            one = _perturbed(one, number)
        name = f"{out.name}/member-{number}"
        save_bundle(replace(one, info={**one.info, "name": name}), member_folder(out, number))
        folders.append(member_folder(out, number))
    card = {"members": members, "elements": list(bundles[0].elements), "converted": [str(file) for file in files]}
    write_json(out / "committee.json", card)
    return folders


def _bundle(file: Path, elements: Sequence[str]) -> Bundle:
    config, state = _unpickled(file)
    architecture = _architecture(file, config)
    known = tuple(chemical_symbols[number] for number in state["atomic_numbers"].tolist())
    if unknown := [symbol for symbol in elements if symbol not in known]:
        raise BundleError(f"{file}: the model knows no {', '.join(unknown)}; it knows {', '.join(known)}")
    template, _ = untrained_state(architecture, len(known))
    if {*state} != {*template}:
        more, less = sorted({*state} - {*template}), sorted({*template} - {*state})
        odd = f"has {more[0]}" if more else f"lacks {less[0]}"
        raise BundleError(f"{file}: an architecture that cannot be converted: its state {odd}")
    weights = {}
    for name, value in state.items():
        if value.numel() != template[name].numel():
            raise BundleError(
                f"{file}: an architecture that cannot be converted: {name} has {value.numel()} numbers, expected "
                f"{template[name].numel()}"
            )
        dtype = torch.float64 if name == E0 else template[name].dtype
        weights[name] = value.reshape(template[name].shape).to(dtype)
    info = {"converted": {"file": file.name, "sha256": file_sha256(file), "elements": len(known)}}
    whole = Bundle(architecture, known, float(config["avg_num_neighbors"]), weights, info)
    return select_elements(whole, elements or known)


def _unpickled(file: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Return hyperparameters and state of a model, read by another process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "al_core.models.sources._unpickle", str(file.resolve()), folder]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            raise BundleError(f"{file}: reading it took longer than {_TIMEOUT_S:g} s") from None
        if done.returncode or not (Path(folder) / "config.json").is_file():
            lines = done.stderr.strip().splitlines()
            raise BundleError(f"{file}: no model of mace that can be read: {lines[-1] if lines else 'no reason given'}")
        return read_json(Path(folder) / "config.json"), load_file(Path(folder) / "weights.safetensors")


def _architecture(file: Path, config: dict[str, Any]) -> Architecture:
    for key, expected in _UNUSED.items():
        allowed = expected if isinstance(expected, tuple) else (expected,)
        if config.get(key) not in allowed:
            raise BundleError(
                f"{file}: an architecture that cannot be converted: {key} is {config.get(key)}, expected {allowed[0]}"
            )
    hidden, first = _HIDDEN.match(config["hidden_irreps"]), _FIRST.get(config["interaction_cls_first"])
    if len(config["heads"]) > 1:
        raise BundleError(f"{file}: has {len(config['heads'])} heads ({', '.join(config['heads'])}), expected one")
    if hidden is None or first is None:
        raise BundleError(
            f"{file}: an architecture that cannot be converted: features {config['hidden_irreps']}, first layer "
            f"{config['interaction_cls_first']}"
        )
    try:
        return Architecture(
            channels=int(hidden[1]),
            max_L=config["hidden_irreps"].count("+"),
            layers=config["num_interactions"],
            r_max=config["r_max"],
            l_max=config["max_ell"],
            correlation=config["correlation"],
            radial_functions=config["num_bessel"],
            radial_mlp=tuple(config["radial_MLP"]),
            cutoff_power=int(config["num_polynomial_cutoff"]),
            first_residual=first,
        )
    except ValidationError as error:
        fault = error.errors()[0]
        raise BundleError(
            f"{file}: an architecture that cannot be converted: {fault['loc'][0]}: {fault['msg']}, got {fault['input']}"
        ) from error


def _perturbed(bundle: Bundle, number: int) -> Bundle:
    """Return a copy whose readouts' weights differ, the same for the same number."""
    rng = np.random.default_rng(number)
    weights = dict(bundle.weights)
    for name, value in bundle.weights.items():
        if name.startswith("readouts.") and name.endswith(".weight"):
            factors = 1 + _PERTURBATION * rng.normal(size=tuple(value.shape))
            weights[name] = value * torch.as_tensor(factors, dtype=value.dtype)
    return replace(bundle, weights=weights)
