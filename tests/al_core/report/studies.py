"""Results of made-up studies, and how a page reads, for the tests of the report."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np

from al_core.evaluation.measured import Measured, Property
from al_core.studies.predictions import CellPredictions, Predicted
from al_core.studies.results import PropertyRow, Row, StudyResults

FORCE, ENERGY = "force_mae_meV_per_A", "energy_mae_meV_per_atom"
STRESS, PRESSURE, DEVIATION = "stress_mae_GPa", "pressure_bias_GPa", "force_deviation_meV_per_A"
SLICES = ("all", "300K", "liquid", "strained", "vacancy")
BUDGETS = (1, 2, 4, 8)
LEVELS = {"scratch": 1.0, "transfer": 1.3, "rescaled": 0.5}

# {kind: {property: (value of germanium, unit)}}
PROPERTIES = {
    "lattice": {
        "lattice_constant_A": (5.767, "Å"),
        "bulk_modulus_GPa": (60.2, "GPa"),
        "beta_tin_energy_meV_per_atom": (231.0, "meV/atom"),
    },
    "elastic": {"C11_GPa": (103.8, "GPa"), "C12_GPa": (38.4, "GPa"), "C44_GPa": (49.6, "GPa")},
    "phonons": {"phonon_gamma_THz": (8.6, "THz"), "imaginary_modes_percent": (0.0, "%")},
    "defects": {"vacancy_formation_energy_eV": (2.3, "eV")},
}
# how far an arm is off, relative, with one label
OFF = {"scratch": 0.25, "transfer": 0.12, "rescaled": 0.03}


def study(*, seeds=(0, 1, 2), levels=LEVELS, noise=0.05, keep=lambda row: True):
    """A study whose mean force MAE is 200 meV/Å * level / sqrt(labels), with noise between seeds."""
    rng = np.random.default_rng(1)
    rows = []
    for comparison in ("shared", "own"):
        for acquisition in ("random", "uncertainty"):
            for arm, level in levels.items():
                for seed in seeds:
                    for budget in BUDGETS:
                        error = 200 * level / budget**0.5 * (1 + noise * rng.normal())
                        metrics = {
                            name: {FORCE: error * (1 + 0.3 * i), ENERGY: error / 10 * (1 + 0.3 * i), "n_structures": 8}
                            for i, name in enumerate(SLICES)
                        }
                        owner = "" if acquisition == "random" else comparison
                        cell = f"{owner}{arm}{acquisition}{seed}{budget}"
                        rows.append(Row(comparison, arm, acquisition, seed, budget, cell, metrics, (), (), 10.0))
    return StudyResults(
        name="ge-from-si",
        config={
            "name": "ge-from-si",
            "arms": [{"kind": arm, "learning_rate": 0.01} for arm in levels],
            "acquisitions": [{"kind": "random"}, {"kind": "uncertainty"}],
            "budgets": list(BUDGETS),
            "seeds": list(seeds),
            "comparisons": ["shared", "own"],
            "shared_leader": "",
        },
        provenance={
            "versions": {"python": "3.11", "mace": "0.3"},
            "test set": {"structures": 40, "sha256": "cd" * 32},
            "pool": {"hash": "ab" * 32, "slices": ["300K", "liquid"]},
            "labeler": {"kind": "gpaw", "cutoff_eV": 250.0, "ladder": [{"mixing": 0.02}]},
        },
        rows=tuple(row for row in rows if keep(row)),
        expected_rows=len(rows),
        ledger={
            "labels_done": 41,
            "labels_failed": 2,
            "label_core_seconds": 7250.0,
            "failed_core_seconds": 88.0,
            "training_core_seconds": 512.0,
            "test_labels": 40,
            "failures": [
                {"structure": "c0ffee", "cause": "not converged after <100> steps"},
                {"structure": "beef", "cause": "killed: out of memory"},
            ],
            "per_budget": [
                {"budget": n, "labels": 5 * n, "label_core_seconds": 900.0 * n, "training_core_seconds": 64.0 * n}
                for n in BUDGETS
            ],
        },
    )


def bands(scale=1.0):
    """Details of phonons: six bands from Γ over X to L, whose frequencies all have the same factor."""
    distance = np.linspace(0, 1.7 * scale, 60)
    x = distance / distance[-1]
    acoustic = [height * np.abs(np.sin(1.7 * np.pi * x)) for height in (2.4, 2.6, 6.8)]
    optical = [8.6 - depth * np.sin(1.7 * np.pi * x) ** 2 for depth in (0.6, 0.9, 2.1)]
    frequency = np.linspace(0, 9, 50)
    density = np.exp(-((frequency - 2.5) ** 2)) + 1.5 * np.exp(-(((frequency - 8.0) / 0.5) ** 2))
    return {
        "dispersion": {
            "distance": distance.tolist(),
            "frequencies_THz": [(scale * band).tolist() for band in acoustic + optical],
            "ticks": [0.0, scale, 1.7 * scale],
            "labels": ["Γ", "X", "L"],
        },
        "dos": {"frequency_THz": (scale * frequency).tolist(), "density": density.tolist()},
    }


def equation_of_state(scale=1.0):
    """Details of lattice: a parabola around 24 Å^3 per atom, whose volumes all have the same factor."""
    volumes = 24 * scale * np.linspace(0.94, 1.06, 7)
    energies = -4.5 + 0.02 * (volumes / scale - 24) ** 2
    return {"volume_A3_per_atom": volumes.tolist(), "energy_eV_per_atom": energies.tolist()}


def dynamics(scale=1.0):
    """Details of structure: a crystal at 300 K and a melt, whose distances all have the same factor."""
    r, degree = np.linspace(0, 6, 60), np.linspace(0, 180, 60)
    time, frequency = np.linspace(0, 2, 20), np.linspace(0, 12, 50)

    def case(width, diffusion):
        shells = sum(np.exp(-(((r - scale * place) / width) ** 2)) for place in (2.45, 4.0, 4.7))
        return {
            "rdf": {"r_A": r.tolist(), "g": (shells / width).tolist()},
            "angles": {"degree": degree.tolist(), "density": np.exp(-(((degree - 109) / 150 / width) ** 2)).tolist()},
            "msd": {"time_ps": time.tolist(), "msd_A2": (diffusion * time + 0.05).tolist()},
            "vdos": {"frequency_THz": frequency.tolist(), "density": np.exp(-((frequency - 8 / scale) ** 2)).tolist()},
        }

    return {"300 K": case(0.12, 0.0), "melt": case(0.4, 6 * scale)}


def walks(arm, seed):
    """Details of stability: rescaled fails from 1200 K on, transfer from 900 K, scratch from 300 K."""
    rng = np.random.default_rng(seed)
    first = {"scratch": 300.0, "transfer": 900.0, "rescaled": 1200.0}[arm]
    found = []
    for temperature in (300.0, 900.0, 1200.0):
        for ensemble in ("nvt", "nve"):
            for number in range(3):
                failed = temperature >= first and number < 2
                time = round(float(rng.uniform(0.1, 1.9)), 2) if failed else 2.0
                failure = "two atoms 1.21 Å apart" if failed else ""
                found.append({"ensemble": ensemble, "temperature_K": temperature, "time_ps": time, "failure": failure})
    return {"walks": found}


def with_properties(results, budgets=(1, 8)):
    """The study with properties of random shared label sets at some budgets, and their reference."""
    rng = np.random.default_rng(2)
    rows = []
    for row in results.rows:
        if (row.comparison, row.acquisition) != ("shared", "random") or row.budget not in budgets:
            continue
        where = (row.comparison, row.arm, row.acquisition, row.seed, row.budget, row.model)
        off = OFF[row.arm] / row.budget**0.5
        for kind, found in PROPERTIES.items():
            values = {
                name: Property((value or 1.5 * off) * (1 + off * (1 + 0.05 * rng.normal())), unit)
                for name, (value, unit) in found.items()
            }
            if kind == "defects" and row.arm == "scratch":
                values = {name: Property(None, "eV", "the relaxation is lost") for name in values}
            scale = 1 + off * (1 + 0.05 * rng.normal())
            details = {"phonons": bands, "lattice": equation_of_state}.get(kind, lambda _: {})(scale)
            rows.append(PropertyRow(*where, kind, values, details, 2.0))
        details = dynamics(1 + off * (1 + 0.1 * row.seed))
        rows.append(PropertyRow(*where, "structure", {"coordination_300K": Property(4.0, "")}, details, 60.0))
        rows.append(PropertyRow(*where, "stability", stable(row.arm, row.seed), walks(row.arm, row.seed), 60.0))
    known = {
        kind: Measured(
            {name: Property(value, unit) for name, (value, unit) in found.items()},
            {"phonons": bands(), "lattice": equation_of_state()}.get(kind, {}),
        )
        for kind, found in PROPERTIES.items()
    }
    known["structure"] = Measured({"coordination_300K": Property(4.0, "")}, dynamics())
    return replace(results, properties=tuple(rows), references=known)


def stable(arm, seed):
    """The properties that go with :func:`walks`."""
    found = walks(arm, seed)["walks"]
    shares = {}
    for temperature in (300.0, 900.0, 1200.0):
        own = [one for one in found if one["temperature_K"] == temperature]
        name = f"stable_nvt_{temperature:g}K_percent"
        shares[name] = Property(100 * sum(not one["failure"] for one in own) / len(own), "%")
    return shares


def with_stress(results, keep=lambda row: True):
    """The study with stress errors of a hundredth of the force error in GPa, and a pressure that is as much too low."""
    rows = []
    for row in results.rows:
        metrics = {
            name: {**values, STRESS: values[FORCE] / 100, PRESSURE: -values[FORCE] / 100}
            if name != "liquid"
            else values
            for name, values in row.metrics.items()
        }
        rows.append(replace(row, metrics=metrics) if keep(row) else row)
    return replace(results, rows=tuple(rows))


def with_deviations(results):
    """The study with committees whose spread is half of the force error."""
    rows = [
        replace(row, metrics={name: {**one, DEVIATION: one[FORCE] / 2} for name, one in row.metrics.items()})
        for row in results.rows
    ]
    return replace(results, rows=tuple(rows))


def cell(arm, seed=0, error=0.1, structures=6, atoms=4):
    """Predictions whose forces are off by ``error`` eV/Å at 300 K and three times as much in the liquid."""
    rng = np.random.default_rng(1)
    found = []
    for number in range(structures):
        off = error * (1, 3)[number % 2]
        forces = rng.normal(size=(atoms, 3))
        deviations = np.full(atoms, off * (1 + 0.01 * number) / 2)
        energy, slice_name = -4.0 + 0.1 * number, ("300K", "liquid")[number % 2]
        predicted = energy + off / 10, forces, forces + off, deviations
        found.append(Predicted(f"s{number}", slice_name, energy, *predicted))
    return CellPredictions(arm, seed, 8, tuple(found))


def with_predictions(view, cells):
    """The overview of a study that kept these predictions."""
    vars(view)["predictions"] = tuple(cells)  # as if they had been read
    return view


def drawn(section):
    """What the figures of a section are drawn from: data and layout of each."""
    return [json.loads(text) for text in re.findall(r'-data">(.*?)</script>', section.html)]


class Page(HTMLParser):
    """What a page says.

    Attributes:
        loads: what its attributes load or link to, links within the page apart.
        contents: ids that the table of contents links to.
        titles: {id: heading} of its sections.
        rows: the cells of the tables, by row.
        text: all of it, outside scripts and styles.
    """

    def __init__(self, html):
        super().__init__()
        self.loads, self.contents, self.rows, self.titles = [], [], [], {}
        self._words, self._open, self._section, self._in_nav, self._in_title = {}, [], "", False, False
        self.feed(html)
        self.text = _joined(word for words in self._words.values() for word in words)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        links = [attributes[name] for name in ("src", "href", "srcset", "data", "action") if name in attributes]
        self.contents += [link[1:] for link in links if self._in_nav and link.startswith("#")]
        self.loads += [link for link in links if not link.startswith("#")]
        if tag in ("script", "style", "th", "td"):
            self._open.append(tag)
        if tag in ("header", "section"):
            self._section = attributes["id"]
        if tag == "h2":
            self._in_title = self._section != "verdict"
        if tag == "nav":
            self._in_nav = True
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if self._open and self._open[-1] == tag:
            self._open.pop()
        if tag == "nav":
            self._in_nav = False
        if tag == "h2":
            self._in_title = False

    def handle_data(self, data):
        where = self._open[-1] if self._open else ""
        if where in ("script", "style"):
            return
        self._words.setdefault(self._section, []).append(data)
        if self._in_title:
            self.titles[self._section] = data.strip()
        if where:
            self.rows[-1][-1] = " ".join([self.rows[-1][-1], *data.split()])

    def section(self, name):
        """The text of a section by its id; '' where there is none."""
        return _joined(self._words.get(name, []))

    def first_words(self, head, columns):
        """The first word of each cell, of rows that begin with this and have so many columns."""
        rows = [row for row in self.rows if row[0].strip() == head and len(row) == columns]
        return [[cell.split()[0] for cell in row] for row in rows]


def _joined(words):
    return " ".join(" ".join(words).split())
