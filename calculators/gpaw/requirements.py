"""What a machine must have for labels of GPAW."""

import shutil
from collections.abc import Collection
from importlib import import_module
from importlib.util import find_spec

from al_core.config.labelers import GPAWLabeler as Settings
from al_core.config.labelers import Parallel
from al_core.errors import LabelError
from calculators.gpaw.paw import paw_setup


def check_paw_setups(elements: Collection[str], settings: Settings) -> None:
    """Raise :class:`~al_core.errors.LabelError` if an element has no PAW data set."""
    for element in sorted(elements):
        if paw_setup(element, settings.xc) is None:
            raise LabelError(
                f"there is no PAW data set for {element} and {settings.xc}; "
                "install them with `pip install gpaw-data` or set GPAW_SETUP_PATH"
            )


def check_mpi(parallel: Parallel) -> None:
    """Raise :class:`~al_core.errors.LabelError` if several processes cannot compute a label together."""
    program = parallel.launcher.split()[0]
    if shutil.which(program) is None:
        raise LabelError(
            f"parallel.launcher: {program} is not on PATH; "
            "pip install 'graft-mlip[mpi]' brings an mpiexec, or leave parallel out"
        )
    if find_spec("mpi4py") is None and not hasattr(import_module("_gpaw"), "Communicator"):
        raise LabelError(
            "parallel needs MPI: GPAW was built without, and there is no mpi4py; "
            "pip install 'graft-mlip[mpi]', or leave parallel out"
        )
