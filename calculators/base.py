"""The registry of labelers: a new file, a settings class in ``al_core/config_labelers.py`` and a line here for each."""

from al_core.config_labelers import AnyLabeler
from al_core.types import Labeler


def make_labeler(settings: AnyLabeler) -> Labeler:
    """Return the labeler a config asks for. Nothing is computed and no DFT code is imported."""
    if settings.kind == "gpaw":
        from calculators.gpaw_dft import GPAWLabeler

        return GPAWLabeler(settings)
    if settings.kind == "dataset":
        from calculators.dataset import DatasetLabeler

        return DatasetLabeler(settings)
    if settings.kind == "bundled":
        from calculators.dataset import of_bundled

        return of_bundled(settings.name)
    if settings.kind == "emt":
        from calculators.emt import EMTLabeler

        return EMTLabeler(settings)
    if settings.kind == "imported":
        from calculators.imported import ImportedLabeler

        return ImportedLabeler(settings)
    from calculators.stillinger_weber import StillingerWeberLabeler

    return StillingerWeberLabeler(settings)
