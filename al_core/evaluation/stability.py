"""Is molecular dynamics stable? Walkers from the crystal, until they fail or the time is up."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy.stats import binomtest

from al_core.config.evaluation import StabilityEvaluation
from al_core.errors import LabelError
from al_core.evaluation.failures import failure_of
from al_core.evaluation.material import Material
from al_core.evaluation.measured import Measured, NoPropertyError, Properties, Property
from al_core.evaluation.walkers import Walkers, batched, check_moves

_FRICTION_PER_FS = 0.01
_LOOK_EVERY = 10  # steps
_DRIFT = 10.0  # meV/atom/ps of the total energy, measured over at least
_DRIFT_OVER_PS = 0.5


@dataclass(frozen=True)
class Walk:
    """What became of one walker.

    Attributes:
        ensemble: ``nvt`` or ``nve``.
        temperature_K: that was asked for.
        time_ps: how long it was stable.
        failure: why it was not any longer; '' if it was to the end.
        drift_meV_per_atom_per_ps: of the total energy, of ``nve`` only; None where that is not finite.
    """

    ensemble: str
    temperature_K: float
    time_ps: float
    failure: str
    drift_meV_per_atom_per_ps: float | None = None


def stability(material: Material, settings: StabilityEvaluation) -> Measured:
    """Return the share of walkers that are stable to the end, by ensemble and temperature, and the energies' drift.

    The remark has the 95 % interval of the share (Wilson's, of a binomial), and the first failure's time and reason.
    The details are the single walks.
    """
    cases = [(ensemble, temperature) for ensemble in settings.ensembles for temperature in settings.temperatures_K]
    names = {case: f"stable_{case[0]}_{case[1]:g}K_percent" for case in cases}
    try:
        walks = walk(material, settings)
    except (NoPropertyError, LabelError) as error:
        return Measured({name: Property(None, "%", str(error)) for name in names.values()})
    found: Properties = {}
    for case, name in names.items():
        own = [one for one in walks if (one.ensemble, one.temperature_K) == case]
        found[name] = Property(100 * sum(not one.failure for one in own) / len(own), "%", _told(own))
        drifts = [abs(one.drift_meV_per_atom_per_ps) for one in own if one.drift_meV_per_atom_per_ps is not None]
        if drifts:
            unit = "meV/atom/ps"
            found[f"drift_{case[1]:g}K_meV_per_atom_per_ps"] = Property(float(np.mean(drifts)), unit)
    return Measured(found, {"walks": [asdict(one) for one in walks]})


def walk(material: Material, settings: StabilityEvaluation) -> list[Walk]:
    """Let all walkers of all ensembles and temperatures move, and return what became of each.

    A walker fails where two atoms come nearer than 0.6 bond lengths, a force exceeds 50 eV/Å or is not finite, the
    temperature is three times what was asked for, the atoms are in the root mean square further from their sites than
    a quarter of a bond length, or (nve) the total energy drifts by more than 10 meV/atom/ps.

    Raises:
        NoPropertyError: there is no crystal to start from.
    """
    crystal, bond = material.cell(settings.supercell), material.bond
    check_moves(crystal)
    cases = [
        (ensemble, temperature)
        for ensemble in settings.ensembles
        for temperature in settings.temperatures_K
        for _ in range(settings.walkers)
    ]
    walkers = Walkers(
        [crystal] * len(cases),
        batched(material.potential),
        [temperature for _, temperature in cases],
        settings.timestep_fs,
        [_FRICTION_PER_FS if ensemble == "nvt" else 0.0 for ensemble, _ in cases],
    )
    begin = [walkers.snapshot(number).energy for number in range(len(cases))]
    steps, walks = max(1, round(1e3 * settings.picoseconds / settings.timestep_fs)), {}
    for done in range(_LOOK_EVERY, steps + _LOOK_EVERY, _LOOK_EVERY):
        walkers.run(_LOOK_EVERY)
        time_ps = 1e-3 * done * settings.timestep_fs
        for number in list(walkers.active):
            ensemble, temperature = cases[number]
            now = walkers.snapshot(number)
            failure = failure_of(now, temperature, bond, crystal.positions)
            drift = None
            if ensemble == "nve" and np.isfinite(now.energy):
                drift = 1e3 * (now.energy - begin[number]) / len(crystal) / time_ps
            if not failure and drift is not None and time_ps >= _DRIFT_OVER_PS and abs(drift) > _DRIFT:
                failure = f"the energy drifts by {drift:.1f} meV/atom/ps"
            walks[number] = Walk(ensemble, temperature, time_ps, failure, drift)
            if failure:
                walkers.stop(number)
        if not walkers.active:
            break
    return [walks[number] for number in range(len(cases))]


def _told(walks: Sequence[Walk]) -> str:
    failed = sorted((one for one in walks if one.failure), key=lambda one: one.time_ps)
    interval = binomtest(len(walks) - len(failed), len(walks)).proportion_ci(method="wilson")
    share = f"95 %: {100 * interval.low:.0f} to {100 * interval.high:.0f} %"
    if not failed:
        return f"{len(walks)} walkers of {walks[0].time_ps:g} ps; {share}"
    first = failed[0]
    return f"{len(failed)} of {len(walks)} failed; {share}; the first after {first.time_ps:g} ps: {first.failure}"
