"""Is molecular dynamics stable? Walkers from the crystal, until they fail or the time is up."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.geometry import get_distances
from scipy.stats import binomtest

from al_core.config.evaluation import StabilityEvaluation
from al_core.evaluation.material import Material, NoPropertyError
from al_core.evaluation.measured import Measured, Properties, Property
from al_core.evaluation.walkers import Snapshot, Walkers, batched

_FRICTION_PER_FS = 0.01
_LOOK_EVERY = 10  # steps
_CLOSEST = 0.6  # bond lengths
_LARGEST_FORCE = 50.0  # eV/Å
_HOTTEST = 3.0  # times the temperature asked for
_DRIFT = 10.0  # meV/atom/ps of the total energy, measured over at least
_DRIFT_OVER_PS = 0.5
_LINDEMANN = 0.25  # root mean square distance from the lattice sites, in bond lengths: below melting some 0.1


@dataclass(frozen=True)
class Walk:
    """What became of one walker.

    Attributes:
        ensemble: ``nvt`` or ``nve``.
        temperature_K: that was asked for.
        time_ps: how long it was stable.
        failure: why it was not any longer; '' if it was to the end.
        drift_meV_per_atom_per_ps: of the total energy, of ``nve`` only.
    """

    ensemble: str
    temperature_K: float
    time_ps: float
    failure: str
    drift_meV_per_atom_per_ps: float | None = None


def stability(material: Material, settings: StabilityEvaluation) -> Measured:
    """Return the share of walkers that are stable to the end, by ensemble and temperature, and the energies' drift.

    The remark has the 95 % interval of the share (Wilson's, of a binomial), and the first failure's time and reason.
    """
    cases = [(ensemble, temperature) for ensemble in settings.ensembles for temperature in settings.temperatures_K]
    names = {case: f"stable_{case[0]}_{case[1]:g}K_percent" for case in cases}
    try:
        walks = walk(material, settings)
    except NoPropertyError as error:
        return Measured({name: Property(None, "%", str(error)) for name in names.values()})
    found: Properties = {}
    for case, name in names.items():
        own = [one for one in walks if (one.ensemble, one.temperature_K) == case]
        found[name] = Property(100 * sum(not one.failure for one in own) / len(own), "%", _told(own))
        drifts = [abs(one.drift_meV_per_atom_per_ps) for one in own if one.drift_meV_per_atom_per_ps is not None]
        if drifts:
            unit = "meV/atom/ps"
            found[f"drift_{case[1]:g}K_meV_per_atom_per_ps"] = Property(float(np.mean(drifts)), unit)
    return Measured(found)


def walk(material: Material, settings: StabilityEvaluation) -> list[Walk]:
    """Let all walkers of all ensembles and temperatures move, and return what became of each.

    A walker fails where two atoms come nearer than 0.6 bond lengths, a force exceeds 50 eV/Å or is not finite, the
    temperature is three times what was asked for, the atoms are in the root mean square further from their sites than
    a quarter of a bond length, or (nve) the total energy drifts by more than 10 meV/atom/ps.

    Raises:
        NoPropertyError: there is no crystal to start from.
    """
    crystal = material.cell(settings.supercell)
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
    steps, walks = round(1e3 * settings.picoseconds / settings.timestep_fs), {}
    for done in range(_LOOK_EVERY, steps + _LOOK_EVERY, _LOOK_EVERY):
        walkers.run(_LOOK_EVERY)
        time_ps = 1e-3 * done * settings.timestep_fs
        for number in list(walkers.active):
            ensemble, temperature = cases[number]
            now = walkers.snapshot(number)
            drift = 1e3 * (now.energy - begin[number]) / len(crystal) / time_ps if ensemble == "nve" else None
            failure = _failure(now, crystal.positions, temperature, material.bond)
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


def _failure(now: Snapshot, sites: np.ndarray, temperature_K: float, bond: float) -> str:
    """Return why a walker is not stable, or ''."""
    largest = float(np.linalg.norm(now.forces, axis=1).max())
    if not largest < _LARGEST_FORCE:
        return f"a force of {largest:.3g} eV/Å"
    if now.temperature_K > _HOTTEST * temperature_K:
        return f"a temperature of {now.temperature_K:.0f} K"
    moved = now.atoms.positions - sites
    moved -= moved.mean(axis=0)
    distance = float(np.sqrt((moved**2).sum(axis=1).mean()))
    if distance > _LINDEMANN * bond:
        return f"the lattice is lost: atoms are {distance:.2f} Å from their sites"
    _, distances = get_distances(now.atoms.positions, cell=now.atoms.cell, pbc=now.atoms.pbc)
    closest = float(distances[np.triu_indices(len(distances), 1)].min())
    return f"two atoms {closest:.2f} Å apart" if closest < _CLOSEST * bond else ""
