"""Sampled and rattled structures, and the crystals they are planned with."""

from al_core.config.structures import MDStructures, RattledStructures
from al_core.structures.making import crystals_of, make_structures
from calculators.classical.neutral import neutral_potential

SAMPLED = MDStructures(slices=[{"name": "a", "count": 2, "temperature_K": 300, "steps": 2, "vacancies": 1}])
RATTLED = RattledStructures(
    crystal={"prototype": "rocksalt", "a": 4.2},
    slices=[
        {"name": "a", "count": 2, "rattle_A": 0.02, "vacancies": 1},
        {"name": "b", "count": 1, "rattle_A": 0.02, "cells": 3},
    ],
)


def test_crystals_to_plan_with_have_the_sizes_of_what_is_made() -> None:
    reported: list[tuple[int, int]] = []
    cases = (SAMPLED, ("Ge",), [7, 7]), (RATTLED, ("Mg", "O"), [7, 7, 6])
    for config, elements, sizes in cases:
        made = make_structures(config, elements, neutral_potential, "pool", lambda *done: reported.append(done))
        assert [len(atoms) for atoms in made] == [len(atoms) for atoms in crystals_of(config, elements)] == sizes
        assert reported[-1] == (len(made), len(made))
