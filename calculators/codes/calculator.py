"""ASE's calculator of a code: made from settings, told where its program and its files are."""

import copy
import functools
import os
import shutil
from importlib import metadata
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from ase.config import cfg

from al_core.config.codes import ASELabeler
from al_core.errors import LabelError
from al_core.storage.hashing import digest, file_sha256

# files that a code chooses by element in a folder that it is told
_CHOSEN_BY_ELEMENT = {"abinit": "*", "aims": "*_default", "castep": "*", "siesta": "*", "vasp": "**/POTCAR*"}


def make_calculator(settings: ASELabeler, directory: Path) -> Any:
    """Return the calculator, which keeps its files in a directory. It changes ASE's configuration in this process."""
    code = settings.code
    cls = resolve_name(code.calculator)
    parameters = merged(settings.parameters, code.always)
    if not code.programs:
        return cls(**parameters)
    _configure(settings)
    command = {code.command: settings.command} if code.command else {}
    return cls(directory=str(directory), **command, **parameters)


def _configure(settings: ASELabeler) -> None:
    """Tell ASE which command to run, and where its files are; some calculators ask the environment."""
    name = settings.calculator
    section = dict(cfg.parser[name]) if name in cfg.parser else {}
    places = {key: str(folder) for key, folder in folders(settings).items()}
    cfg.parser[name] = {**section, **places, "command": settings.command}
    os.environ.update({key: place for key, place in places.items() if key.isupper()})
    os.environ.pop(f"ASE_{name.upper()}_COMMAND", None)  # goes before the configuration


def folders(settings: ASELabeler) -> dict[str, Path]:
    """Return where files of the code are: as the settings say, or as ASE's configuration on this machine does."""
    found = dict(settings.folders)
    for key in settings.code.folders:
        given = os.environ.get(key) if key.isupper() else None
        if not given and settings.calculator in cfg.parser:
            given = cfg.parser[settings.calculator].get(key)
        if given and key not in found:
            found[key] = Path(given)
    return found


def merged(parameters: dict[str, Any], always: dict[str, Any]) -> dict[str, Any]:
    """Return parameters with those that labels need, at any depth."""
    result = copy.deepcopy(parameters)
    for key, value in always.items():
        result[key] = merged(result.get(key, {}), value) if isinstance(value, dict) else value
    return result


def with_hashes(parameters: Any, places: tuple[Path, ...]) -> Any:
    """Return parameters in which the hash of what a file holds stands beside its name, JSON-ready.

    Args:
        parameters: any of them; a text is a file's name if one of the folders has such a file.
        places: the folders.
    """
    if isinstance(parameters, dict):
        return {str(key): with_hashes(value, places) for key, value in parameters.items()}
    if isinstance(parameters, list):
        return [with_hashes(value, places) for value in parameters]
    if isinstance(parameters, str) and parameters:
        files = (place / parameters for place in places)
        if file := next((file for file in files if file.is_file()), None):
            return f"{parameters} sha256:{file_sha256(file)}"
    return parameters


def tables(settings: ASELabeler) -> dict[str, str]:
    """Return hashes of the files that a code chooses by element, and names none of in its parameters.

    Of DFTB+ each file's; of other codes that of all files of a folder together, by the folder's name.
    """
    places = folders(settings)
    if settings.calculator == "dftb":
        files = sorted(places["DFTB_PREFIX"].glob("*.skf")) if "DFTB_PREFIX" in places else []
        return {file.name: file_sha256(file) for file in files}
    pattern = _CHOSEN_BY_ELEMENT.get(settings.calculator)
    return {name: _of_all(place, pattern) for name, place in places.items()} if pattern else {}


@functools.cache
def _of_all(place: Path, pattern: str) -> str:
    files = sorted(file for file in place.glob(pattern) if file.is_file())
    return digest([[str(file.relative_to(place)), file_sha256(file)] for file in files])


@functools.cache
def version(calculator: str, program: str, package: str) -> str:
    """Return the version of a code: what it says of itself, or the hash of its program.

    Raises:
        LabelError: it is not installed.
    """
    if package:
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError as error:
            raise LabelError(f"{calculator} is not installed; pip install {package}") from error
    path = shutil.which(program)
    if path is None:
        raise LabelError(f"{calculator} is not installed: its program {program} is not on PATH")
    if said := _said(calculator, program):
        return said
    return f"sha256:{file_sha256(Path(path).resolve())}"


def _said(calculator: str, program: str) -> str:
    """Return what ASE reads of a program's version, '' where it cannot."""
    names = {"espresso": "ase.calculators.espresso:EspressoProfile", "aims": "ase.calculators.aims:AimsProfile"}
    if calculator not in names:
        return ""
    try:
        return str(resolve_name(names[calculator])(program, ".").version())
    except (AssertionError, AttributeError, OSError):  # it says nothing that ASE knows: its hash will do
        return ""
