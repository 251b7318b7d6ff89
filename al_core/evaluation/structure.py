"""Structure and vibrations of the crystal at temperatures and of the melt, by molecular dynamics."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from ase import Atoms, units

from al_core.config.evaluation import StructureEvaluation
from al_core.errors import LabelError
from al_core.evaluation.failures import displacement, failure_of
from al_core.evaluation.material import Material
from al_core.evaluation.measured import Measured, NoPropertyError, Properties, Property
from al_core.evaluation.trajectories import (
    bond_angles,
    coordination,
    diffusion_coefficient,
    mean_square_displacement,
    radial_distribution,
    vibrational_density,
)
from al_core.evaluation.walkers import Snapshot, Walkers, batched, check_moves

MELT = "melt"
_STRONG, _WEAK = 0.01, 0.001  # frictions per fs: to get to a temperature, and to keep it without slowing atoms down
_LOOK_FS = 10.0  # positions and velocities are read that often
_FRAME = 5  # looks from one structure that distributions and the pressure are taken of to the next
_EQUILIBRATION_PS = 1.0  # of the crystal; the melt's is twice that
_SUPERHEATED = 2.0  # times the temperature of the melt
_LOST = 0.75  # root mean square distance of the melt's atoms from the lattice sites, in bond lengths
_MELTING_PS = 10.0  # at most
_MELT_VOLUME = {"diamond": 0.93}  # in that of the crystal at rest, near that without pressure
_MELT_OF_METALS = 1.12
_NEIGHBOURS = 1.3  # bond lengths


def structure(material: Material, settings: StructureEvaluation) -> Measured:
    """Return coordination and pressure of the crystal and of the melt, and the melt's self-diffusion coefficient.

    The crystal has the volume of the least energy. The melt has that of the settings, else 0.93 (diamond) or 1.12
    (metals) of the crystal's, near its volume without pressure; it is made of the crystal at twice its temperature.
    Langevin dynamics, with a friction of 1 per ps while properties are measured. Neighbours are within 1.3 bond lengths
    of the crystal.

    The details are, by case, the radial distribution function, the angles between neighbours, the mean square
    displacement and the vibrational density of states, see :mod:`al_core.evaluation.trajectories`. Where a walker fails
    there are none, and the properties say why.
    """
    found: Properties = {}
    details: dict[str, Any] = {}
    cases = [(f"{temperature:g} K", temperature) for temperature in settings.temperatures_K]
    if settings.melt_K is not None:
        cases.append((MELT, settings.melt_K))
    for case, temperature in cases:
        try:
            dynamics = _melted if case == MELT else _crystal
            properties, details[case] = _observed(dynamics(material, settings, temperature), case, settings)
        except (NoPropertyError, LabelError) as error:
            properties = {name: Property(None, unit, str(error)) for name, unit in _units(case).items()}
        found |= properties
    return Measured(found, details)


def _units(case: str) -> dict[str, str]:
    name = case.replace(" ", "")
    diffusion = {"diffusion_melt_A2_per_ps": "Å²/ps"} if case == MELT else {}
    return {f"coordination_{name}": "", f"pressure_{name}_GPa": "GPa", **diffusion}


class _Dynamics:
    """Walkers of one case; if one of them fails, all end.

    Args:
        material: whose potential moves them.
        settings: their number and their time step.
        start: where all of them start.
        temperature_K: of the bath.
    """

    def __init__(self, material: Material, settings: StructureEvaluation, start: Atoms, temperature_K: float) -> None:
        check_moves(start)
        self.material, self.bond, self.start = material, material.bond, start
        self.size, self._temperature, self._time = settings.walkers, temperature_K, 0.0
        self._every = max(1, round(_LOOK_FS / settings.timestep_fs))
        self.interval_ps = 1e-3 * self._every * settings.timestep_fs
        self._walkers = Walkers(
            [start] * self.size,
            batched(material.potential),
            [temperature_K] * self.size,
            settings.timestep_fs,
            [_STRONG] * self.size,
        )

    def bath(self, temperature_K: float, friction_per_fs: float) -> None:
        """Give all walkers another bath from now on."""
        self._temperature = temperature_K
        for number in range(self.size):
            self._walkers.bath(number, temperature_K, friction_per_fs)

    def looks(self, picoseconds: float, crystal: bool) -> Iterator[list[Snapshot]]:
        """Move the walkers and give them every 10 fs.

        Raises:
            NoPropertyError: one is not stable, or (crystal) has lost the lattice it started from.
        """
        for _ in range(max(1, round(picoseconds / self.interval_ps))):
            self._walkers.run(self._every)
            self._time += self.interval_ps
            snapshots = [self._walkers.snapshot(number) for number in range(self.size)]
            for now in snapshots:
                cause = failure_of(now, self._temperature, self.bond, self.start.positions if crystal else None)
                if cause:
                    raise NoPropertyError(f"a walker fails after {self._time:.2f} ps: {cause}")
            yield snapshots


def _crystal(material: Material, settings: StructureEvaluation, temperature_K: float) -> _Dynamics:
    """Return walkers of the crystal in equilibrium."""
    dynamics = _Dynamics(material, settings, material.cell(settings.supercell), temperature_K)
    for _ in dynamics.looks(_EQUILIBRATION_PS, crystal=True):
        pass
    dynamics.bath(temperature_K, _WEAK)
    return dynamics


def _melted(material: Material, settings: StructureEvaluation, temperature_K: float) -> _Dynamics:
    """Return walkers of the melt in equilibrium."""
    start, hot = material.cell(settings.supercell), _SUPERHEATED * temperature_K
    ratio = settings.melt_volume or _MELT_VOLUME.get(material.structure, _MELT_OF_METALS)
    start.set_cell(start.cell.array * ratio ** (1 / 3), scale_atoms=True)
    dynamics = _Dynamics(material, settings, start, hot)
    dynamics.bath(hot, _WEAK)
    for walkers in dynamics.looks(_MELTING_PS, crystal=False):
        if min(displacement(one, start.positions) for one in walkers) > _LOST * dynamics.bond:
            break
    else:
        raise NoPropertyError(f"the crystal does not melt at {hot:g} K within {_MELTING_PS:g} ps")
    dynamics.bath(temperature_K, _STRONG)
    for _ in dynamics.looks(2 * _EQUILIBRATION_PS, crystal=False):
        pass
    dynamics.bath(temperature_K, _WEAK)
    return dynamics


def _observed(dynamics: _Dynamics, case: str, settings: StructureEvaluation) -> tuple[Properties, dict[str, Any]]:
    """Return the properties and the details of walkers in equilibrium."""
    positions, velocities, pressures = [], [], []
    frames: list[Atoms] = []
    for number, walkers in enumerate(dynamics.looks(settings.picoseconds, crystal=case != MELT)):
        positions.append([one.atoms.positions.copy() for one in walkers])
        velocities.append([one.velocities.copy() for one in walkers])
        if number % _FRAME == 0:
            frames += [one.atoms.copy() for one in walkers]
            pressures += [_pressure(dynamics.material, one) for one in walkers]
    cutoff, interval = _NEIGHBOURS * dynamics.bond, dynamics.interval_ps
    paths = np.array(positions)  # [times, walkers, atoms, 3]
    distance, g = radial_distribution(frames)
    degree, angles = bond_angles(frames, cutoff)
    time, squares = mean_square_displacement(paths.reshape(len(paths), -1, 3), interval)
    masses = np.tile(dynamics.start.get_masses(), dynamics.size)
    frequency, density = vibrational_density(np.array(velocities).reshape(len(paths), -1, 3), interval, masses)
    values = [Property(coordination(frames, cutoff), ""), Property(float(np.mean(pressures)), "GPa")]
    if case == MELT:
        values.append(_diffusion(paths, interval))
    details = {
        "rdf": {"r_A": distance.tolist(), "g": g.tolist()},
        "angles": {"degree": degree.tolist(), "density": angles.tolist()},
        "msd": {"time_ps": time.tolist(), "msd_A2": squares.tolist()},
        "vdos": {"frequency_THz": frequency.tolist(), "density": density.tolist()},
    }
    return dict(zip(_units(case), values, strict=True)), details


def _pressure(material: Material, now: Snapshot) -> float:
    """Return the pressure of a walker, GPa: that of its motion and that of its forces."""
    atoms = now.atoms.copy()
    atoms.calc = material.potential
    motion = len(atoms) * units.kB * now.temperature_K / atoms.get_volume()
    return float((motion - atoms.get_stress()[:3].mean()) / units.GPa)


def _diffusion(paths: np.ndarray, interval_ps: float) -> Property:
    """Return the mean self-diffusion coefficient of walkers, [times, walkers, atoms, 3]; the remark has their range."""
    single = [
        diffusion_coefficient(*mean_square_displacement(paths[:, number], interval_ps))
        for number in range(paths.shape[1])
    ]
    remark = f"{len(single)} walkers: {min(single):.2f} to {max(single):.2f}" if len(single) > 1 else ""
    return Property(float(np.mean(single)), "Å²/ps", remark)
