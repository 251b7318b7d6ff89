"""A growth that cannot be: its purpose, its labeler, its starts, its test set, its folder."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import flows
import flows.cli
from tests.bad_input.conftest import StartedError, _start
from tests.bad_input.inputs import GROWTH, Refused, file_of, germanium, labelled

ALLOY = (
    "target={map: {Cu: Cu, Au: Ag}}",
    "source.element=[Cu, Au]",
    "source.structures={kind: rattled, crystal: {prototype: rocksalt, a: 5.6}, "
    "slices: [{name: warm, count: 8, rattle_A: 0.05}]}",
    "source.labeler=emt",
    "labeler=emt",
)


def _grow(changes: tuple[str, ...]) -> list[str]:
    return ["grow", "growth.yaml", "--out", "out", *(part for change in changes for part in ("--set", change))]


@pytest.fixture
def refused_growth(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Run a small growth with ``--set`` changes and assert that it is refused, and its plan, too."""
    Path("growth.yaml").write_text(GROWTH)
    monkeypatch.setattr(flows, "active_learning", _start, raising=False)

    def run(*changes: str) -> str:
        message = refused(*_grow(changes))
        assert refused(*_grow(changes), "--plan") == message
        return message

    return run


@pytest.fixture
def good_growth(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a small growth with ``--set`` changes and assert that it is found good: its work begins."""
    Path("growth.yaml").write_text(GROWTH)
    monkeypatch.setattr(flows, "active_learning", _start, raising=False)

    def run(*changes: str) -> None:
        monkeypatch.setattr(sys, "argv", ["graft", *_grow(changes)])
        with pytest.raises(StartedError):
            flows.cli.main()

    return run


def test_the_growth_of_these_tests_is_good(good_growth: Callable[..., None]) -> None:
    good_growth()


@pytest.mark.parametrize(
    ("change", "place", "nearest"),
    [
        ("taget=Ge", "", "target"),
        ("purpose.temperature_K=[300]", "purpose", "temperatures_K"),
        ("purpose.phase=[crystal]", "purpose", "phases"),
        ("exploration.walker=3", "exploration", "walkers"),
        ("batches=3", "", "batch"),
    ],
)
def test_an_unknown_key_is_refused_and_the_nearest_named(
    refused_growth: Refused, change: str, place: str, nearest: str
) -> None:
    message = refused_growth(change)
    key = change.partition("=")[0].rpartition(".")[2]
    line = next(line.strip() for line in message.splitlines() if "unknown key" in line)
    assert line.startswith(f"{place}: unknown key {key!r}" if place else f"unknown key {key!r}")
    assert f"did you mean {nearest!r}?" in line or f"{nearest}," in line


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("purpose.phases=[]", "purpose.phases: list should have at least 1 item"),
        ("purpose.phases=[gas]", "purpose.phases.0: input should be 'crystal', 'vacancy', 'surface' or 'liquid', got"),
        ("purpose=300", "purpose: input should be settings, {key: value}, got 300"),
        ("purpose.temperatures_K=300", "purpose.temperatures_K: expected a list, such as [300], got 300"),
        ("purpose.temperatures_K=[-300]", "purpose.temperatures_K.0: input should be greater than 0, got -300"),
        ("purpose.force_error_meV_per_A=0.04", "purpose.force_error_meV_per_A: input should be greater than or equal"),
        ("purpose.strain=0.5", "purpose.strain: input should be less than or equal to 0.3, got 0.5"),
        (
            "exploration.window=[6,1]",
            "exploration: window: expected the lower bound first and below the upper one, got [6, 1]",
        ),
        ("exploration.window=[2,2]", "exploration: window: expected the lower bound first and below the upper one"),
        ("exploration.window=[1]", "exploration.window"),
        ("exploration.every_fs=1", "exploration: every_fs: 1 fs is less than one step of 2 fs"),
        ("exploration.every_fs=2000", "exploration: every_fs: 2000 fs is longer than the walk of 1 ps"),
        ("exploration.cells=[0]", "exploration.cells.0: input should be greater than or equal to 1, got 0"),
        ("drawn=5", "drawn: 5 random labels do not fit into a batch of 4"),
        ("committee=3", "committee of 3 needs as many source models, the source has 2"),
        ("core_hours=0", "core_hours: input should be greater than 0, got 0"),
        ("labels=0", "labels: input should be greater than or equal to 1, got 0"),
        ("acquisition=uncertain", "acquisition: unknown kind 'uncertain'; did you mean 'uncertainty'?"),
        ("test={kind: md, slices: []}", "test: unknown kind 'md'"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key(refused_growth: Refused, change: str, expected: str) -> None:
    message = refused_growth(change)
    assert f"  {expected}" in message
    assert "'name': 'small'" not in message, "what was got is the value, not the whole file"


def test_all_faults_are_told_at_once(refused_growth: Refused) -> None:
    message = refused_growth("purpose.strain=3", "exploration.window=[6,1]", "labels=0")
    assert [key for key in ("purpose.strain", "exploration", "labels") if f"  {key}: " not in message] == []


def test_a_test_structure_that_the_source_was_trained_on_is_refused(refused_growth: Refused) -> None:
    source = file_of("source.extxyz", *map(labelled, range(5)))
    test = file_of("test.extxyz", labelled(9), labelled(3))
    germanium_source = (f"source.structures={source}", "source.element=Ge", "source.labeler=null")
    assert "1 of its structures are in what source was trained on too" in refused_growth(
        f"test={test}", *germanium_source
    )


@pytest.mark.parametrize("kind", ["dataset", "imported"])
@pytest.mark.parametrize("acquisition", ["random", "{kind: variance_reduction, per_cost: true}"])
def test_a_labeler_that_looks_up_is_refused(refused_growth: Refused, kind: str, acquisition: str) -> None:
    file = file_of("known.extxyz", labelled(0))
    settings = {"dataset": f"path: {Path(file[20:-1])}", "imported": "theory: mine"}[kind]
    expected = f"labeler {kind} looks labels up, and has none of what walkers will come by; use one that computes"
    message = refused_growth(f"labeler={{kind: {kind}, {settings}}}", f"acquisition={acquisition}")
    assert expected in message


def test_slices_of_an_acquisition_are_refused(refused_growth: Refused) -> None:
    message = refused_growth("acquisition={kind: uncertainty, slices: [hot, cold]}")
    assert "acquisition.slices: got hot, cold, but candidates are explored and not in slices of a pool" in message
    assert "leave it out" in message


def test_a_crystal_that_is_not_known_must_be_named(refused_growth: Refused) -> None:
    message = refused_growth("target=W", "labeler=gpaw")
    assert "target: the crystals of C, Si, Ge, Al, Ni, Cu, Pd, Ag, Pt, Au are known, not that of W" in message
    assert "such as crystal: {prototype: bcc, a: 2.9}" in message


def test_a_vacancy_must_leave_two_atoms(refused_growth: Refused, good_growth: Callable[..., None]) -> None:
    copper = ("target=Cu", "labeler=emt")
    message = refused_growth(*copper, "exploration.cells=[4,2]")
    expected = "exploration.cells: 2 primitive cells of Cu have 2 atoms, and a vacancy must leave 2; use larger ones"
    assert f"error: {expected}\n" in message
    good_growth(*copper, "exploration.cells=[4,3]")
    good_growth(*copper, "exploration.cells=[4,2]", "purpose.phases=[crystal]")


def test_an_atom_alone_cannot_walk(refused_growth: Refused) -> None:
    message = refused_growth("target=Cu", "labeler=emt", "exploration.cells=[4,1]", "purpose.phases=[crystal]")
    assert "exploration.cells: 1 primitive cells of Cu have 1 atom, and 2 must move; use larger ones" in message


def test_a_pressure_of_starts_that_have_none_is_refused(
    refused_growth: Refused, good_growth: Callable[..., None]
) -> None:
    cluster = germanium(1)
    cluster.pbc = False
    starts = f"starts={file_of('starts.extxyz', germanium(0), cluster)}"
    message = refused_growth(starts, "purpose.pressure_GPa=0")
    assert (
        "purpose.pressure_GPa: structure 1 of starts is not periodic in all directions, and has no pressure" in message
    )
    good_growth(starts)


def test_an_element_that_the_labeler_does_not_know_is_refused(refused_growth: Refused) -> None:
    message = refused_growth("target=Cu")
    assert "labeler stillinger_weber: structure 0 of the walkers' starts: Stillinger-Weber labels" in message
    assert "not Cu" in message


@pytest.mark.parametrize("key", ["test", "starts"])
def test_structures_of_another_element_are_refused(refused_growth: Refused, key: str) -> None:
    file = file_of("si.extxyz", labelled(0), labelled(1, "Si"))
    assert f"{key}: structure 1 is Si8, expected Ge only" in refused_growth(f"{key}={file}")


def test_a_test_set_without_labels_is_refused(refused_growth: Refused) -> None:
    file = file_of("bare.extxyz", germanium(0))
    assert "bare.extxyz: structure 0 has no energy under 'REF_energy'" in refused_growth(f"test={file}")


def test_starts_that_are_in_the_test_set_are_refused(refused_growth: Refused) -> None:
    starts, test = file_of("starts.extxyz", germanium(0), germanium(1)), file_of("test.extxyz", labelled(1))
    assert re.search(r"starts", refused_growth(f"starts={starts}", f"test={test}"))


def test_a_test_set_of_another_theory_is_refused(refused_growth: Refused) -> None:
    message = refused_growth("test={kind: bundled, name: ge-test-pbe}")
    assert "test: ge-test-pbe was labelled with other settings than the study's labeler" in message
    assert "use the same settings or a file, or leave test out" in message


def test_a_file_in_the_place_of_the_folder_is_refused(refused_growth: Refused) -> None:
    Path("out").write_text("my notes")
    message = refused_growth()
    assert "out is a file, not a folder" in message


def test_a_source_without_as_many_models_is_refused(refused_growth: Refused) -> None:
    message = refused_growth("source={kind: bundled, name: si-pbe}", "committee=9")
    assert re.search(r"committee: 9 members need as many source models; in .*si-pbe there are \d", message)


def test_a_device_that_is_not_there_is_refused(refused_growth: Refused) -> None:
    assert "device: cuda:99 is not there" in refused_growth("device=cuda:99")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], r"crystal: CuAg is a compound; say which crystal it has: crystal: \{prototype: rocksalt, a: 4.8\}"),
        (["crystal={prototype: rocksalt}"], "crystal: expected prototype and a, or path"),
        (["crystal={prototype: rocksalts, a: 5}"], "crystal.prototype: .*'rocksalts'"),
        (["crystal={prototype: rocksalt, a: 0.5}"], r"crystal: CuAg has a cell with 0.29 Å between two faces"),
        (["crystal={prototype: rocksalt, a: 5, formula: CuAu}"], "crystal: the crystal has Au, expected Cu, Ag only"),
        (["crystal={prototype: perovskite, a: 5}"], "crystal: ASE makes no perovskite of CuAg"),
        (["crystal={prototype: cesiumchloride, a: 3.2}"], "in rocksalt or zincblende, got cesiumchloride of CuAg"),
        (["crystal={path: mine.cif}"], "crystal.path: dynamics are of a prototype; give prototype and a"),
        (["crystal={prototype: rocksalt, a: 5.5}", "purpose.phases=[surface]"], "surface is of elements, for that of"),
        (["crystal={prototype: rocksalt, a: 5.5}", "target={map: {Cu: Cu, Pt: Ag}}"], "are of Cu, Au, and know no Pt"),
    ],
)
def test_a_compound_that_cannot_be_grown_is_one_message(
    refused_growth: Refused, changes: list[str], expected: str
) -> None:
    message = refused_growth(*ALLOY, *changes)
    assert re.search(expected, message), message


def test_a_compound_can_be_grown_from_its_crystal(good_growth: Callable[..., None]) -> None:
    good_growth(*ALLOY, "crystal={prototype: rocksalt, a: 5.5}")
