"""What can be known of a study's labels before any is computed: that they are possible, and of one level of theory."""

import functools
import logging
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from ase import Atoms

from al_core.config.labelers import AnyLabeler
from al_core.config.structures import SampledStructures
from al_core.errors import ConfigError, LabelError, SiteError, under
from al_core.structures.making import crystals_of
from al_core.types import Labeler
from calculators.base import make_labeler

_LEFT_OUT = {key for settings in get_args(AnyLabeler) for key in settings.later}  # of an identity, at their default


def check_labels_possible(structures: Sequence[Atoms], labeler: AnyLabeler, where: str) -> None:
    """Check that a labeler can label some structures on this machine.

    Args:
        structures: what is to be labelled.
        labeler: settings of the labeler.
        where: what the message calls the structures.

    Raises:
        ConfigError: it cannot, with the first structure that it cannot label.
    """
    ready = make_labeler(labeler)
    for number, atoms in enumerate(structures):
        try:
            with under(f"labeler {labeler.kind}"):
                ready.check(atoms)
        except LabelError as error:
            raise ConfigError(f"labeler {labeler.kind}: structure {number} of {where}: {error}") from error
    elements = {symbol for atoms in structures for symbol in atoms.get_chemical_symbols()}
    try:
        ready.preflight(elements)
    except LabelError as error:
        raise ConfigError(f"labeler {labeler.kind}: {error}") from error
    for note in ready.notes(structures):
        report(f"note: labeler {labeler.kind}, {where}: {note}")


def check_memory(structures: Sequence[Atoms], labeler: Labeler, room_MB: float | None) -> None:
    """Check that there is memory for the labels of some structures.

    Args:
        structures: what is to be labelled.
        labeler: what labels them.
        room_MB: what each core of a job has; None where it is not known.

    Raises:
        SiteError: there is not.
    """
    if room_MB is None:
        return
    for atoms in structures:
        needed = labeler.estimate_megabytes(atoms) / labeler.cores(atoms)
        if needed > room_MB:
            raise SiteError(
                f"a label of {len(atoms)} atoms by {labeler.name} takes some {needed:.0f} MB of memory, and a core of "
                f"the site's jobs has {room_MB:.0f} MB (dft.memory by dft.cores); ask for more, or for fewer cores"
            )


@functools.cache
def report(note: str) -> None:
    """Log a note, once a process: a command and the flow it starts look at the same structures."""
    logging.getLogger(__name__).warning(note)


def check_sampled_labels_possible(
    structures: SampledStructures, elements: Sequence[str], labeler: AnyLabeler, key: str
) -> None:
    """Check that a labeler can label structures that are sampled later.

    Args:
        structures: how they are sampled.
        elements: chemical symbols.
        labeler: settings of the labeler.
        key: the config's key of the structures.

    Raises:
        ConfigError: it cannot.
    """
    if not make_labeler(labeler).by_physics:
        raise ConfigError(
            f"labeler {labeler.kind} looks labels up, and has none of structures that are yet to be sampled; "
            f"use {key}.kind=file or bundled, or a labeler that computes"
        )
    check_labels_possible(crystals_of(structures, elements)[:1], labeler, key)


def check_same_theory(what: str, theory: Mapping[str, Any], labeler: AnyLabeler, instead: str) -> None:
    """Check that given labels and those of a labeler are of one level of theory; versions of GPAW may differ.

    Args:
        what: is labelled: the config's key and a name.
        theory: of the labels: settings and versions of their labeler.
        labeler: settings of the other labeler.
        instead: what to use if they are not.

    Raises:
        ConfigError: they are not.
    """
    ours = make_labeler(labeler).theory()
    both = {*ours}.intersection(theory).union(_LEFT_OUT)
    different = sorted(key for key in both if theory.get(key) != ours.get(key) and not key.startswith("gpaw"))
    if different:
        how = ", ".join(f"{key} {theory.get(key, 'default')} against {ours.get(key, 'default')}" for key in different)
        raise ConfigError(
            f"{what} was labelled with other settings than the study's labeler ({how}); "
            f"use the same settings or {instead}"
        )
