"""Reading labelled structures, and telling what is wrong with a file before anything is computed from it."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ase import Atoms
from ase.io import iread, write

from al_core.config.base import nearest
from al_core.config.structures import LabelledFile, StressUnit
from al_core.errors import ConfigError
from al_core.storage.files import atomic_path, read_json
from al_core.storage.hashing import DIGITS, file_sha256
from al_core.structures.checks import bare, fault
from al_core.structures.stress import UNITS, doubt, of_virial, voigt
from al_core.types import Label

LEVEL = "level"  # the name in info of a label's level of theory
ASSETS = Path(__file__).parents[1] / "assets"


class _HasKeys(Protocol):
    energy_key: str
    forces_key: str
    stress_key: str | None
    stress_unit: StressUnit
    virial_key: str | None


@dataclass(frozen=True)
class LabelKeys:
    """Under which names a file keeps its labels: energy (eV) and stress (ASE's sign) in ``info``, forces (eV/Å) in
    ``arrays``. Where ``virial`` is given, the stress is computed from it (eV, -stress x volume).
    """

    energy: str = "REF_energy"
    forces: str = "REF_forces"
    stress: str | None = "REF_stress"
    stress_unit: StressUnit = "eV/A^3"
    virial: str | None = None

    @classmethod
    def of(cls, settings: _HasKeys) -> "LabelKeys":
        """Return the keys a config names."""
        return cls(
            settings.energy_key, settings.forces_key, settings.stress_key, settings.stress_unit, settings.virial_key
        )

    def as_dict(self) -> dict[str, str | None]:
        """Return a JSON-ready dictionary: the names, and what is not read as it is."""
        names = asdict(self)
        later = {"stress_unit": "eV/A^3", "virial": None}  # keys of labels were made without them
        return {key: value for key, value in names.items() if key not in later or value != later[key]}


def read_structures(path: Path, at_most: int | None = None) -> list[Atoms]:
    """Return the structures of a file in any format ASE reads, in its order.

    Args:
        path: the file.
        at_most: how many to draw at random where it has more, the same each time; all of them if not given.

    Raises:
        ConfigError: no such file, not readable, empty, or a structure with NaN or atoms closer than 0.5 Å.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"{path}: {'is a folder, not a file' if path.is_dir() else 'no such file'}")
    drawn: dict[int, tuple[int, Atoms]] = {}  # by place: the number in the file, and the structure
    rng = np.random.default_rng(0)
    for number, atoms in enumerate(_frames(path)):
        # each of the structures read so far is kept with equal probability (J. S. Vitter, algorithm R, 1985)
        place = number if at_most is None or number < at_most else int(rng.integers(number + 1))
        if at_most is not None and place >= at_most:
            continue
        if wrong := fault(atoms):
            raise ConfigError(f"{path}: structure {number} {wrong}")
        # to the precision of structure ids, so that an id survives writing and reading
        atoms.positions = atoms.positions.round(DIGITS)
        atoms.cell = atoms.cell.array.round(DIGITS)
        drawn[place] = number, atoms
    if not drawn:
        raise ConfigError(f"{path}: holds no structure")
    return [atoms for _, atoms in sorted(drawn.values(), key=lambda one: one[0])]


def _frames(path: Path) -> Iterator[Atoms]:
    """Read a file one structure after another."""
    if path.suffix in (".xyz", ".extxyz"):
        _check_length(path)
    try:
        yield from iread(path)
    except Exception as error:  # ASE's readers raise whatever they stumble over
        raise ConfigError(f"{path}: ASE cannot read it: {type(error).__name__}: {error}") from error


def _check_length(path: Path) -> None:
    """Refuse an xyz file that ends within a structure: ASE goes on to read as many lines as it says it has."""
    with path.open("rb") as file:
        for number in itertools.count():
            line = file.readline()
            if not line.strip() or not line.strip().isdigit():  # the end, or what ASE has a word for
                return
            lines = sum(1 for _ in itertools.islice(file, int(line) + 1))
            if lines <= int(line):
                wrong = f"structure {number} says {int(line)} atoms, but the file ends before"
                raise ConfigError(f"{path}: {wrong}; write it again")


def labelled_structures(path: Path, keys: LabelKeys) -> list[tuple[Atoms, Label]]:
    """Return the structures of a file with their labels.

    Raises:
        ConfigError: as :func:`read_structures`, or a structure without these labels (the message lists which labels
            there are), or labels that are not finite or of several levels of theory.
    """
    labelled = list(_labelled(path, keys))
    levels = sorted({str(atoms.info[LEVEL]) for atoms, _ in labelled if LEVEL in atoms.info})
    if len(levels) > 1:
        raise ConfigError(
            f"{path}: its labels are of {len(levels)} levels of theory ({', '.join(levels)}), which do not fit "
            "together; keep one in a file, or write them with graft labels export --mix-levels"
        )
    named = keys.virial or keys.stress
    if named not in (None, LabelKeys.stress) and all(label.stress is None for _, label in labelled):
        what = "virial" if keys.virial else "stress"  # under Graft's own name, stress may be missing
        raise ConfigError(f"{path}: has no {what} under {named!r}; there are: {_present(labelled[0][0])}")
    return labelled


def checked_labels(path: Path, keys: LabelKeys) -> list[tuple[Atoms, Label]]:
    """Return the structures of a user's file with their labels; see :func:`labelled_structures`.

    Raises:
        ConfigError: as there, or stresses that cannot be stresses in eV/Å^3.
    """
    labelled = labelled_structures(path, keys)
    if wrong := doubt(labelled):
        raise ConfigError(
            f"{path}: the stresses under {keys.virial or keys.stress!r} {wrong}; expected stresses in eV/Å^3, positive "
            "under tension: set stress_unit, give virials as virial_key, or correct the file"
        )
    return labelled


def unread_stress(settings: LabelledFile, structures: Sequence[Atoms]) -> str:
    """Return that the structures of a file have stresses which its settings leave out, in a sentence; '' otherwise."""
    named = settings.stress_key or settings.virial_key
    if named or not any(LabelKeys.stress in atoms.info for atoms in structures):
        return ""
    return (
        f"{settings.path} has {LabelKeys.stress}, which is not read; models that learn no stress are less sure of the "
        f"crystal's size: stress_key={LabelKeys.stress} reads it"
    )


def _labelled(path: Path, keys: LabelKeys) -> Iterator[tuple[Atoms, Label]]:
    for number, atoms in enumerate(read_structures(path)):
        where = f"{path}: structure {number}"
        energy, forces = _find(atoms, keys.energy, "energy"), _find(atoms, keys.forces, "forces")
        for what, key, value in (("energy", keys.energy, energy), ("forces", keys.forces, forces)):
            if value is None:
                raise ConfigError(f"{where} has no {what} under {key!r}; there are: {_present(atoms)}")
        if np.shape(forces) != (len(atoms), 3):
            raise ConfigError(f"{where}: {keys.forces!r} has shape {np.shape(forces)}, expected ({len(atoms)}, 3)")
        try:
            label = Label(float(energy), np.array(forces, float), _stress(atoms, keys))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{where}: its labels cannot be read: {error}") from error
        named = ((keys.energy, label.energy), (keys.forces, label.forces), (keys.virial or keys.stress, label.stress))
        if wrong := [key for key, value in named if value is not None and not np.isfinite(value).all()]:
            raise ConfigError(f"{where}: {wrong[0]!r} is not finite (NaN or infinity); remove it from the file")
        yield atoms, label


def _stress(atoms: Atoms, keys: LabelKeys) -> np.ndarray | None:
    if keys.virial:
        virial = _find(atoms, keys.virial, "virial")
        return None if virial is None else of_virial(virial, atoms)
    stress = _find(atoms, keys.stress, "stress") if keys.stress else None
    return None if stress is None else voigt(stress) * UNITS[keys.stress_unit]


def _find(atoms: Atoms, key: str, meaning: str) -> Any:
    if key in atoms.info:
        return atoms.info[key]
    if key in atoms.arrays:
        return atoms.arrays[key]
    if key == meaning and atoms.calc is not None:
        return atoms.calc.results.get(meaning)  # ASE moves labels of these names into a calculator
    return None


def _present(atoms: Atoms) -> str:
    names = [name for name in (*atoms.info, *atoms.arrays) if name not in ("numbers", "positions")]
    if atoms.calc is not None:
        names += list(atoms.calc.results)
    return ", ".join(names) or "none at all"


def slice_of(atoms: Atoms) -> str:
    """Return the name of a structure's slice, ``all`` where it has none."""
    return str(atoms.info.get("config_type", "all"))


def write_labelled(path: Path, labelled: Iterable[tuple[Atoms, Label]]) -> int:
    """Write an extxyz file atomically, labels under ``REF_energy``, ``REF_forces`` and ``REF_stress`` (Voigt).

    Returns:
        How many structures were written.
    """
    number = 0
    with atomic_path(path) as temporary, temporary.open("w") as file:
        for atoms, label in labelled:
            number += 1
            frame = bare(atoms)
            frame.info = {k: v for k, v in atoms.info.items() if isinstance(v, str | int | float)}
            frame.info["REF_energy"] = label.energy
            frame.arrays["REF_forces"] = np.array(label.forces)
            if label.stress is not None:
                frame.info["REF_stress"] = np.array(label.stress)
            write(file, frame, format="extxyz")
    return number


@dataclass(frozen=True)
class Asset:
    """A data set shipped with Graft: its file and data sheet."""

    name: str
    path: Path
    sheet: dict[str, Any]


def bundled_names() -> list[str]:
    """Return the names of the shipped data sets."""
    return sorted(path.stem for path in (ASSETS / "data").glob("*.json"))


def bundled(name: str) -> Asset:
    """Return a shipped data set, its checksum verified.

    Raises:
        ConfigError: there is none of that name, or its file was changed.
    """
    if name not in bundled_names():
        raise ConfigError(f"no data set {name!r} is shipped{nearest(name, bundled_names())}")
    sheet = read_json(ASSETS / "data" / f"{name}.json")
    path = ASSETS / "data" / sheet["file"]
    if not path.is_file() or file_sha256(path) != sheet["sha256"]:
        raise ConfigError(f"the shipped data set {name!r} is missing or was changed; install Graft again")
    return Asset(name, path, sheet)
