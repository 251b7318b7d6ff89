"""Does a transfer help, does ``rescaled`` ever lose? Pairs of metals; ``python -m benchmarks.pairs``.

Potentials of Finnis and Sinclair (Phil. Mag. A 50, 45 (1984): W, Mo), of Morse (Girifalco and Weizer, Phys. Rev. 114,
687 (1959): Na, Ca, Sr) and of effective medium theory (Ni, Cu, Pd, Pt, Ag, Au). The first five are not in Graft's table
of elements; ``benchmarks.transferability`` has Al, and Si and Ge by Stillinger-Weber, too. Cells of 15 and 16 atoms
from dynamics by the potential itself: cold, hot, strained, with a vacancy; 96 of the source, a pool of 48, 24 to test
on. Models of 8 channels, committees of two, 150 steps, each arm's default tuning
and learning rate, the same random labels. Force MAE, meV/Å, mean over structures and draws. Bold: ``rescaled`` is worse
than the better of the other two by more than a tenth.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks._common import CORES, one_thread, table

if TYPE_CHECKING:
    from ase import Atoms

    from al_core.models.bundle import Bundle
    from al_core.types import Label

    Data = list[tuple[Atoms, Label]]

PAIRS = ("Ca-Sr", "Mo-W", "W-Na", "Ag-Au", "Pd-Pt", "Ni-Cu")
# d, A, c, c0, c1, c2 of eqs. 12 to 14 (Å, eV)
FINNIS_SINCLAIR = {
    "Mo": (4.114825, 1.887117, 3.25, 43.4475218, -31.9332978, 6.0804249),
    "W": (4.400224, 1.896373, 3.25, 47.1346499, -33.7665655, 6.2541999),
}
MORSE = {
    "Na": (0.06334, 0.58993, 5.336),
    "Ca": (0.1623, 0.80535, 4.569),
    "Sr": (0.1513, 0.73776, 4.988),
}  # D, alpha, r0 (eV, Å)
MORSE_REACH = (1.5, 1.9)  # over r0: taken to zero between the two
MELTS_K = {"W": 3695, "Mo": 2896, "Na": 371, "Ca": 1115, "Sr": 1050}
MELTS_K |= {"Ni": 1728, "Cu": 1358, "Pd": 1828, "Pt": 2041, "Ag": 1235, "Au": 1337, "Al": 933, "Si": 1687, "Ge": 1211}
BCC, DIAMOND = ("W", "Mo", "Na"), ("Si", "Ge")
# temperature over that of melting, largest strain, vacancies
SLICES = {"cold": (0.15, 0.0, 0), "hot": (0.5, 0.0, 0), "strained": (0.15, 0.06, 0), "vacancy": (0.4, 0.0, 1)}
COUNTS = {"source": 24, "pool": 12, "test": 6}  # of each slice
PRETRAINING_STEPS, STEPS = 2500, 150


def main() -> None:
    """Run the pairs, one a core."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", nargs="+", default=PAIRS, choices=PAIRS, help="source and target (default: all)")
    parser.add_argument("--labels", type=int, nargs="+", default=[1, 2, 4, 8, 16], help="default 1 2 4 8 16")
    parser.add_argument("--draws", type=int, default=3, help="random draws of labels (default %(default)s)")
    given = parser.parse_args()
    print((__doc__ or "").strip())
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        running = [pool.submit(measure, *pair.split("-"), given.labels, given.draws) for pair in given.pairs]
        for pair, one in zip(given.pairs, running, strict=True):
            numbers, rows = one.result()
            print(f"\n{pair}: {numbers}")
            table(("labels", "scratch", "transfer", "rescaled", "its start"), rows)


def calculator(element: str) -> Any:
    """Return the potential of an element."""
    from ase.calculators.emt import EMT

    from calculators.classical.stillinger_weber import stillinger_weber

    if element in DIAMOND:
        return stillinger_weber(element)
    if element in MORSE:
        depth, alpha, nearest = MORSE[element]
        r = np.linspace(0.01, MORSE_REACH[1] * nearest, 3000)
        bond = np.exp(-alpha * (r - nearest))
        away = np.clip((MORSE_REACH[1] - r / nearest) / (MORSE_REACH[1] - MORSE_REACH[0]), 0, 1)
        return _embedded_atom(element, r, depth * (bond**2 - 2 * bond) * away**2 * (3 - 2 * away), np.zeros_like(r), 0)
    if element in FINNIS_SINCLAIR:
        d, strength, c, *polynomial = FINNIS_SINCLAIR[element]
        r = np.linspace(0.01, max(c, d), 3000)
        pair = np.where(r < c, (r - c) ** 2 * np.polynomial.Polynomial(polynomial)(r), 0)
        return _embedded_atom(element, r, pair, np.where(r < d, (r - d) ** 2, 0), strength)
    return EMT()


def _embedded_atom(element: str, r: np.ndarray, pair: np.ndarray, density: np.ndarray, strength: float) -> Any:
    """Return the potential of ``pair`` (eV) less ``strength`` (eV/Å) times the root of the sum of ``density`` (Å^2)."""
    from ase.data import atomic_numbers
    from matscipy.calculators.eam import EAM
    from scipy.interpolate import InterpolatedUnivariateSpline as Spline

    densities = np.linspace(0, 200, 20000)
    return EAM(
        atomic_numbers=[atomic_numbers[element]],
        F=[Spline(densities, -strength * np.sqrt(densities))],
        f=[Spline(r, density)],
        rep=[[Spline(r, r * pair)]],
        cutoff=r[-1],
    )


def structures(element: str, role: str) -> "Data":
    """Return snapshots of dynamics, with labels."""
    from ase import units
    from ase.build import bulk
    from ase.filters import FrechetCellFilter
    from ase.md.langevin import Langevin
    from ase.optimize import BFGS

    from al_core.types import Label

    bcc, diamond = element in BCC, element in DIAMOND
    crystal = bulk(element, "bcc" if bcc else "diamond" if diamond else "fcc", a=5.5 if diamond else 4.0, cubic=True)
    crystal.calc = calculator(element)
    scales = np.linspace(0.7, 1.6, 40)  # Na, W, Sr: 3.2 to 6.1 Å
    energies = [_energy(crystal, scale) for scale in scales]
    crystal.set_cell(crystal.cell.array * scales[int(np.argmin(energies))], scale_atoms=True)
    BFGS(FrechetCellFilter(crystal, hydrostatic_strain=True), logfile=None).run(fmax=1e-4)
    found = []
    for slice_number, (heat, strain, vacancies) in enumerate(SLICES.values()):
        for number in range(COUNTS[role]):
            rng = np.random.default_rng([list(COUNTS).index(role), slice_number, number])
            atoms = crystal * ((2, 2, 2) if bcc else (2, 2, 1))
            del atoms[:vacancies]
            shear = rng.uniform(-strain, strain, (3, 3))
            atoms.set_cell(atoms.cell.array @ (np.eye(3) + (shear + shear.T) / 2), scale_atoms=True)
            atoms.rattle(0.05, rng=rng)
            atoms.calc = calculator(element)
            temperature = heat * MELTS_K[element]
            Langevin(atoms, 4 * units.fs, temperature_K=temperature, friction=0.05, fixcm=False, rng=rng).run(150)
            label = Label(atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress())
            atoms.calc = None
            found.append((atoms, label))
    return found


def _energy(atoms: "Atoms", scale: float) -> float:
    other = atoms.copy()
    other.set_cell(other.cell.array * scale, scale_atoms=True)
    other.calc = atoms.calc
    return float(other.get_potential_energy())


def measure(source: str, target: str, budgets: Sequence[int], draws: int) -> tuple[str, list[tuple[str, ...]]]:
    """Train all arms of a pair; return what the rescaling found, and the rows of the table."""
    pool, test = structures(target, "pool"), structures(target, "test")
    committee = pretrained(source)
    rows, ratios = [], []
    for budget in budgets:
        errors: dict[str, list[float]] = {}
        for draw in range(draws):
            order = np.random.default_rng(draw).permutation(len(pool))
            labels = [pool[index] for index in order[:budget]]
            for name, error, start in _arms(committee, labels, target, draw, [atoms for atoms, _ in pool], test):
                errors.setdefault(name, []).append(error)
                if name == "rescaled":
                    errors.setdefault("its start", []).append(_error(start, test))
                    ratios.append([start[0].info["rescaling"][one] for one in ("length", "energy")])
        mean = {name: float(np.mean(values)) for name, values in errors.items()}
        worse = mean["rescaled"] > 1.1 * min(mean["scratch"], mean["transfer"])
        rows.append(
            (
                str(budget),
                *(f"**{mean[one]:.1f}**" if worse and one == "rescaled" else f"{mean[one]:.1f}" for one in mean),
            )
        )
    size = 1e3 * float(np.mean([np.abs(label.forces).mean() for _, label in test]))
    length, energy = np.mean(ratios, axis=0)
    return f"forces of {size:.0f} meV/Å; length ratio {length:.3f}, energy scale {energy:.2f}", rows


def pretrained(element: str) -> "list[Bundle]":
    """Return two models of an element."""
    import torch

    from al_core.config.training import Architecture, Training
    from al_core.models.arms.scratch import initial_model
    from al_core.models.training.train import train
    from al_core.structures.shells import bond_length

    cpu, data = torch.device("cpu"), structures(element, "source")
    bond = bond_length([atoms for atoms, _ in data]) or 3.0
    small = {"channels": 8, "l_max": 2, "correlation": 2, "radial_functions": 6, "radial_mlp": (16, 16)}
    architecture = Architecture(r_max=round(1.75 * bond, 2), **small)
    untrained = [initial_model(architecture, data, [element], number, cpu) for number in range(2)]
    return kept(train(untrained, data, Training(steps=PRETRAINING_STEPS), 0.03, 0, cpu))


def _arms(
    committee: "list[Bundle]", labels: "Data", target: str, seed: int, pool: "list[Atoms]", test: "Data"
) -> "list[tuple[str, float, list[Bundle]]]":
    """Return the arms' names, errors on the test set, and starts."""
    found = []
    for kind in ("scratch", "transfer", "rescaled"):
        error, start = trained(kind, committee, labels, target, seed, pool, test)
        found.append((kind, error, start))
    return found


def trained(
    kind: str,
    committee: "list[Bundle]",
    labels: "Data",
    target: str,
    seed: int,
    pool: "list[Atoms]",
    test: "Data",
) -> "tuple[float, list[Bundle]]":
    """Train an arm; return its error on the test set, meV/Å (infinite if all diverged), and what it started from."""
    import torch

    from al_core.config.arms import RescaledArm, ScratchArm, TransferArm
    from al_core.config.training import Training
    from al_core.models.arms import ARMS
    from al_core.models.training.train import train

    cpu = torch.device("cpu")
    arm: Any = {"scratch": ScratchArm, "transfer": TransferArm, "rescaled": RescaledArm}[kind]()
    start = ARMS[kind](committee, labels, target, seed, cpu, pool)
    settings = Training(steps=STEPS)
    models = kept(train(start, labels, settings, arm.learning_rate, seed, cpu, tuning=arm.tuning, unlabelled=pool))
    return _error(models, test) if models else np.inf, start


def kept(committee: "Sequence[Bundle | None]") -> "list[Bundle]":
    """Return the models that did not diverge."""
    return [bundle for bundle in committee if bundle]


def _error(committee: "list[Bundle]", labelled: "Data") -> float:
    import torch

    from al_core.models.prediction import predict

    forces = predict(committee, [atoms for atoms, _ in labelled], torch.device("cpu")).forces
    errors = [np.abs(one.mean(axis=0) - label.forces).mean() for one, (_, label) in zip(forces, labelled, strict=True)]
    return 1e3 * float(np.mean(errors))


if __name__ == "__main__":
    main()
