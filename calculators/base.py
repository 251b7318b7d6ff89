"""The registry of labelers: a new file, a settings class in ``al_core/config/labelers.py`` and a line here for each."""

from al_core.config.labelers import AnyLabeler
from al_core.types import Labeler


def make_labeler(settings: AnyLabeler) -> Labeler:
    """Return the labeler a config asks for. Nothing is computed and no DFT code is imported."""
    if settings.kind == "gpaw":
        from calculators.gpaw.labeler import GPAWLabeler

        return GPAWLabeler(settings)
    if settings.kind == "dataset":
        from calculators.lookup.dataset import DatasetLabeler

        return DatasetLabeler(settings)
    if settings.kind == "bundled":
        from calculators.lookup.dataset import of_bundled

        return of_bundled(settings.name)
    if settings.kind == "emt":
        from calculators.classical.emt import EMTLabeler

        return EMTLabeler(settings)
    if settings.kind == "imported":
        from calculators.lookup.imported import ImportedLabeler

        return ImportedLabeler(settings)
    from calculators.classical.stillinger_weber import StillingerWeberLabeler

    return StillingerWeberLabeler(settings)
