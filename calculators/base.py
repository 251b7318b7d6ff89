"""The registry of labelers: for each a file, a settings class in ``al_core/config/labelers.py`` and a line here."""

from pkgutil import resolve_name

from al_core.config.labelers import AnyLabeler
from al_core.types import Labeler

LABELERS = {  # kind -> class, which is made from the settings of this kind
    "gpaw": "calculators.gpaw.labeler:GPAWLabeler",
    "stillinger_weber": "calculators.classical.stillinger_weber:StillingerWeberLabeler",
    "emt": "calculators.classical.emt:EMTLabeler",
    "chgnet": "calculators.foundation.chgnet:CHGNetLabeler",
    "ase": "calculators.codes.labeler:ASELabeler",
    "dataset": "calculators.lookup.dataset:DatasetLabeler",
    "bundled": "calculators.lookup.dataset:BundledLabeler",
    "imported": "calculators.lookup.imported:ImportedLabeler",
}


def make_labeler(settings: AnyLabeler) -> Labeler:
    """Return the labeler a config asks for. Nothing is computed, and no module of another labeler is imported."""
    labeler: Labeler = resolve_name(LABELERS[settings.kind])(settings)
    return labeler
