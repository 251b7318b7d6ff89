"""Elements, cells and settings that source, sampler or labeler cannot work with."""

import re

import pytest

from tests.bad_input.inputs import Refused, file_of, germanium, labelled

# ---- elements --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["target=Gee"], "target: 'Gee' is not a chemical element"),
        (["target=W"], "pool: the neutral sampler knows Si, Ge, Al, Cu, Ag, Au, Ni, Pd, Pt, not W; use"),
        (["source.element=C"], "source.structures: the neutral sampler knows Si, Ge, Al, .*, Pt, not C"),
        (["pool=SILICON"], "pool: structure 0 is Si8, expected Ge only"),
        (["test=SILICON"], "test: structure 0 is Si8, expected Ge only"),
        (["source.structures=GERMANIUM", "source.labeler=null"], "source.structures: structure 0 is Ge8, expected Si"),
        (["target=Cu"], "labeler stillinger_weber: structure 0 of test: Stillinger-Weber labels one of Si, Ge, not Cu"),
        (["labeler=emt"], "labeler emt: structure 0 of test: EMT labels Al, Cu, Ag, Au, Ni, Pd, Pt, not Ge"),
        (["source.labeler=emt"], "labeler emt: structure 0 of source.structures: EMT labels Al, .*, not Si"),
        (["target=C", "pool=CARBON", "test=CARBON2", "labeler=emt"], "labeler emt: structure 0 of the pool: .* not C"),
        (["target=C", "pool=CARBON", "test=CARBON2"], "labeler stillinger_weber: structure 0 of the pool: .* not C"),
        (["target=Np", "pool=NEPTUNIUM", "test=NEPTUNIUM2", "labeler=gpaw"], "no PAW data set for Np and PBE"),
    ],
)
def test_an_element_unknown_to_source_sampler_or_labeler_is_refused(
    refused_study: Refused, changes: list[str], expected: str
) -> None:
    files = {"SILICON": "Si", "GERMANIUM": "Ge", "CARBON": "C", "CARBON2": "C", "NEPTUNIUM": "Np", "NEPTUNIUM2": "Np"}
    for number, (name, element) in enumerate(files.items()):
        part = file_of(f"{name}.extxyz", *(labelled(10 * number + i, element) for i in range(4)))
        changes = [
            f"{key}={part}" if value == name else change
            for change in changes
            for key, _, value in [change.partition("=")]
        ]
    assert re.search(expected, refused_study(*changes))


# ---- labelling -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pbc", [[False, False, False], [True, True, False]])
def test_dft_of_a_cell_that_is_not_periodic_is_refused(
    refused: Refused, refused_study: Refused, pbc: list[bool]
) -> None:
    frames = [germanium(seed) for seed in range(5)]
    frames[3].pbc = pbc
    pool, test = file_of("pool.extxyz", *frames), file_of("test.extxyz", labelled(9))
    expected = f"plane-wave DFT needs a cell periodic in all three directions, got pbc={pbc}; put a molecule or slab"
    assert f"structure 3 of pool.extxyz: {expected}" in refused("label", "pool.extxyz", "--labeler", "gpaw")
    assert f"structure 3 of the pool: {expected}" in refused_study(f"pool={pool}", f"test={test}", "labeler=gpaw")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--labeler", "gpow"], "unknown kind 'gpow'; did you mean 'gpaw'?"),
        (["--labeler", "emt", "--set", "three_body=2"], "unknown key 'three_body' (known: kind)"),
        (["--set", "cutof_eV=300"], "unknown key 'cutof_eV'; did you mean 'cutoff_eV'?"),
        (["--set", "cutoff_eV=-3"], "cutoff_eV: input should be greater than or equal to 100, got -3"),
        (["--set", "spin=polarised"], "spin: got 'polarised', expected paired, or a moment for each element"),
        (["--set", "spin={Fe: 0}"], "spin: got {'Fe': 0}, expected paired, or a moment"),
        (["--set", "spin={Iron: 2.2}"], "spin: got {'Iron': 2.2}, expected paired, or a moment"),
        (
            ["--set", "parallel={launcher: 'sh -c owned'}"],
            "parallel.launcher: got 'sh -c owned', expected mpiexec, mpirun",
        ),
        (["--labeler", "dataset"], "path: is required (in the file, or with --set path=...)"),
        (["--labeler", "dataset", "--set", "path=gone.extxyz"], "gone.extxyz: no such file"),
    ],
)
def test_wrong_labeler_settings_are_refused(refused: Refused, arguments: list[str], expected: str) -> None:
    file_of("some.extxyz", germanium(0))
    assert expected in refused("label", "some.extxyz", *arguments)


@pytest.mark.parametrize(
    ("labeler", "expected"),
    [
        ("stillinger_weber", "Stillinger-Weber labels one of Si, Ge, not C"),
        ("emt", "EMT labels Al, Cu, Ag, Au, Ni, Pd, Pt, not C"),
        ("gpaw", "no PAW data set for Np and PBE"),
    ],
)
def test_labelling_an_element_the_labeler_does_not_know_is_refused(
    refused: Refused, labeler: str, expected: str
) -> None:
    file_of("some.extxyz", germanium(0, "Np" if labeler == "gpaw" else "C"))
    assert expected in refused("label", "some.extxyz", "--labeler", labeler)


def test_labelling_a_structure_with_moments_that_no_setting_states_is_refused(refused: Refused) -> None:
    magnetic = germanium(1)
    magnetic.set_initial_magnetic_moments([0.5] * len(magnetic))
    file_of("some.extxyz", germanium(0), magnetic)
    message = refused("label", "some.extxyz", "--labeler", "gpaw")
    assert "structure 1 of some.extxyz: the structure has initial magnetic moments (atom 0, Ge: 0.5)" in message


def test_labelling_a_missing_file_is_refused(refused: Refused) -> None:
    assert "gone.extxyz: no such file" in refused("label", "gone.extxyz")
