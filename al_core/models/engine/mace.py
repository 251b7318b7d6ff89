"""Building MACE modules from bundles and back. The modules are mace-torch's own."""

import contextlib
import functools
import io
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import torch
from ase.data import atomic_numbers, chemical_symbols

from al_core.config.training import Architecture
from al_core.errors import BundleError
from al_core.models.bundle import Bundle
from al_core.storage.files import atomic_path

_UNSAFE_LOADING = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
_TORCHSCRIPT = ".*(TorchScript|torch.jit).*"

if TYPE_CHECKING:
    from mace.modules import ScaleShiftMACE


@functools.cache
def mace_modules() -> ModuleType:
    """Import ``mace.modules`` and return it. Import e3nn after it, for mace prepares e3nn.

    Importing mace takes seconds, prints which optional accelerators it lacks, and switches unsafe loading on for the
    whole process. Standard output belongs to whoever asked for a result, and Graft never needs unsafe loading.
    """
    before = os.environ.get(_UNSAFE_LOADING)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.filterwarnings("ignore", message=_TORCHSCRIPT)
        warnings.filterwarnings("ignore", message=f"Environment variable {_UNSAFE_LOADING}")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        from mace import modules
    if before is None:
        os.environ.pop(_UNSAFE_LOADING, None)
    return modules


@contextlib.contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Set torch's default dtype, which mace reads while it builds modules, and set it back."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def _without_torchscript() -> Iterator[None]:
    """Let e3nn make plain modules: TorchScript takes seconds to compile and to warm up, and gains nothing here."""
    mace_modules()
    import e3nn

    before = e3nn.get_optimization_defaults()
    e3nn.set_optimization_defaults(jit_script_fx=False)
    try:
        yield
    finally:
        e3nn.set_optimization_defaults(**before)


def new_model(
    architecture: Architecture, elements: Sequence[str], avg_num_neighbors: float, dtype: torch.dtype
) -> "ScaleShiftMACE":
    """Return an untrained model; its weights are drawn from torch's global random numbers."""
    modules = mace_modules()
    from e3nn import o3

    channels = architecture.channels
    hidden = "+".join(f"{channels}x{degree}{'eo'[degree % 2]}" for degree in range(architecture.max_L + 1))
    with default_dtype(dtype), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=_TORCHSCRIPT)
        model: ScaleShiftMACE = modules.ScaleShiftMACE(
            r_max=architecture.r_max,
            num_bessel=architecture.radial_functions,
            num_polynomial_cutoff=architecture.cutoff_power,
            max_ell=architecture.l_max,
            interaction_cls=modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
            interaction_cls_first=modules.interaction_classes[
                f"RealAgnostic{'Residual' if architecture.first_residual else ''}InteractionBlock"
            ],
            num_interactions=architecture.layers,
            num_elements=len(elements),
            hidden_irreps=o3.Irreps(hidden),
            MLP_irreps=o3.Irreps("16x0e"),
            atomic_energies=np.zeros(len(elements)),
            avg_num_neighbors=avg_num_neighbors,
            atomic_numbers=[atomic_numbers[symbol] for symbol in elements],
            correlation=architecture.correlation,
            gate=torch.nn.functional.silu,
            radial_MLP=list(architecture.radial_mlp),
            atomic_inter_scale=1.0,
            atomic_inter_shift=0.0,
            # where cuequivariance is installed, mace would by default contract in another basis, with other weights
            use_reduced_cg=False,
        )
    return model


def untrained_state(architecture: Architecture, elements: int) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Return the state of a new model of so many elements (float32, on the CPU), and the names of what is drawn."""
    with torch.random.fork_rng(devices=[]), _without_torchscript():
        model = new_model(architecture, chemical_symbols[1 : elements + 1], 1.0, torch.float32)
    state = {name: value.clone(memory_format=torch.contiguous_format) for name, value in model.state_dict().items()}
    state = {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
    return state, [name for name, value in model.named_parameters() if value.requires_grad]


def build(bundle: Bundle, dtype: torch.dtype, device: torch.device) -> "ScaleShiftMACE":
    """Return the modules of a bundle.

    Making MACE modules takes a second and loading weights a millisecond, so that there is one set of modules for each
    architecture and number of elements: what this returns is good until the next call.

    Raises:
        BundleError: the weights do not fit the architecture.
    """
    return _load(bundle, _working_model(bundle.architecture, len(bundle.elements), dtype, device))


@functools.lru_cache(maxsize=8)
def _working_model(
    architecture: Architecture, elements: int, dtype: torch.dtype, device: torch.device
) -> "ScaleShiftMACE":
    with torch.random.fork_rng(devices=[]), _without_torchscript():
        return new_model(architecture, chemical_symbols[1 : elements + 1], 1.0, dtype).to(device)


def _load(bundle: Bundle, model: "ScaleShiftMACE") -> "ScaleShiftMACE":
    try:
        model.load_state_dict(bundle.weights)
    except RuntimeError as error:
        raise BundleError(f"corrupt bundle: its weights do not fit its architecture: {error}") from error
    for interaction in model.interactions:
        setattr(interaction, "avg_num_neighbors", bundle.avg_num_neighbors)  # noqa: B010 (a plain attribute)
    return model.requires_grad_(True)


def cutoff(model: "ScaleShiftMACE") -> float:
    """Return the cutoff of a model, Å; of a rescaled one it is not that of its architecture."""
    return float(model.get_buffer("r_max"))


def export(bundle: Bundle, path: Path) -> None:
    """Write a stock ``.model`` file, which ``mace.calculators.MACECalculator`` and LAMMPS tools read.

    Such files are Python pickles: load them only from where you trust.
    """
    with torch.random.fork_rng(devices=[]):
        model = new_model(bundle.architecture, bundle.elements, bundle.avg_num_neighbors, torch.float32)
    _load(bundle, model)
    written = io.BytesIO()
    torch.save(model, written)
    with atomic_path(path) as temporary:
        temporary.write_bytes(written.getbuffer())
