"""How far labels of one setting are from those of a tighter one."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from al_core.config.convergence import ConvergenceConfig
from al_core.config.labelers import GPAWLabeler
from al_core.types import Label


@dataclass(frozen=True)
class Point:
    """Two settings whose labels are compared.

    Attributes:
        varied: the name of the setting that differs, or '' where whole sets of settings are compared.
        value: its value, or the name of the set.
        settings, reference: the two.
    """

    varied: str
    value: str
    settings: GPAWLabeler
    reference: GPAWLabeler


@dataclass(frozen=True)
class Deviation:
    """What labels differ by, root mean square, and what they cost.

    Attributes:
        n_labels: structures both settings have a label of.
        force_meV_per_A: of the force components.
        energy_meV_per_atom: of the energy differences between structures of one composition.
        stress_meV_per_A3: of the stress components.
        pressure_meV_per_A3: mean, with its sign, of the pressure (minus a third of the stress's trace): the Pulay
            stress of a low cutoff has one sign in every structure.
        core_seconds: mean of a label.
    """

    n_labels: int
    force_meV_per_A: float
    energy_meV_per_atom: float
    stress_meV_per_A3: float
    pressure_meV_per_A3: float
    core_seconds: float


def points(config: ConvergenceConfig) -> list[Point]:
    """Return what a study compares.

    While one setting varies, the others are those of ``base`` on both sides, so that its own error is seen and not
    theirs; the sets of settings are compared with the reference itself.
    """
    base, tight = config.base, config.reference
    single = [
        Point(key, f"{value:g}", base.varied(key, value), base.varied(key, getattr(tight, key)))
        for key, values in config.vary.items()
        for value in values
    ]
    whole = [Point("", name, settings, config.reference) for name, settings in config.settings.items()]
    return single + whole


def deviation(labels: Mapping[str, tuple[Atoms, Label]], reference: Mapping[str, tuple[Atoms, Label]]) -> Deviation:
    """Return what labels, by structure id, differ by from those of the reference; NaN where nothing tells it."""
    both = [name for name in labels if name in reference]
    if not both:
        return Deviation(0, *[float("nan")] * 5)
    energies: dict[str, list[float]] = {}
    for name in both:
        atoms, label = labels[name]
        composition = str(atoms.symbols.formula.convert("hill").reduce()[0])
        energies.setdefault(composition, []).append((label.energy - reference[name][1].energy) / len(atoms))
    # a constant of each composition is no error: only differences of energies mean something
    several = [of_one for of_one in energies.values() if len(of_one) > 1]
    apart = [energy - np.mean(of_one) for of_one in several for energy in of_one]
    forces = [(labels[name][1].forces - reference[name][1].forces).ravel() for name in both]
    stresses = [np.array(labels[name][1].stress) - np.array(reference[name][1].stress) for name in both]
    pressures = [-stress[:3].mean() for stress in stresses]
    return Deviation(
        n_labels=len(both),
        force_meV_per_A=_rms(np.concatenate(forces)),
        energy_meV_per_atom=_rms(np.array(apart)) if apart else float("nan"),
        stress_meV_per_A3=_rms(np.concatenate(stresses)),
        pressure_meV_per_A3=1e3 * float(np.mean(pressures)),
        core_seconds=float(np.mean([labels[name][1].core_seconds for name in both])),
    )


def _rms(values: np.ndarray) -> float:
    return 1e3 * float(np.sqrt((values**2).mean()))
