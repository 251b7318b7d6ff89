"""What a source committee's folder has of each member: its bundle, or the record that it diverged."""

from collections.abc import Collection, Sequence
from pathlib import Path

from al_core.models.card import CARD

_DIVERGED, _UNFINISHED = "diverged-", "unfinished-"


def member_folder(out: Path, number: int) -> Path:
    """Return where the bundle of a member is."""
    return out / f"member-{number}"


def diverged_file(out: Path, number: int) -> Path:
    """Return the record of a member that diverged."""
    return out / f"{_DIVERGED}{number}.json"


def diverged_members(out: Path) -> list[int]:
    """Return the numbers of the members that diverged."""
    return sorted(int(file.stem.removeprefix(_DIVERGED)) for file in out.glob(f"{_DIVERGED}*.json"))


def checkpoint_of(out: Path, numbers: Sequence[int]) -> Path:
    """Return the file of the state of a training of some members together, but for its endings."""
    return out / f"{_UNFINISHED}{'-'.join(map(str, numbers))}"


def begun(out: Path, numbers: Collection[int]) -> list[list[int]]:
    """Return groups of members whose training together a killed process left a state of; all of these numbers."""
    groups: list[list[int]] = []
    for file in sorted(out.glob(f"{_UNFINISHED}*.pt")):
        *members, _, _ = map(int, file.stem.removeprefix(_UNFINISHED).split("-"))  # see train
        if set(numbers).difference(*groups).issuperset(members):
            groups.append(members)
    return groups


def untrained(out: Path, numbers: Sequence[int]) -> list[int]:
    """Return the members that are neither trained nor on record as diverged."""
    diverged = diverged_members(out)
    return [n for n in numbers if n not in diverged and not (member_folder(out, n) / CARD).exists()]
