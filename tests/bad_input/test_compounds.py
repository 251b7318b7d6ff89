"""Compounds: maps of elements, crystals and evaluations that cannot be."""

import re
from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import write

from tests.bad_input.inputs import Refused

OXIDES = """\
name: small
target: {map: {Mg: Ca, O: O}}
source:
  kind: pretrain
  element: [Mg, O]
  structures:
    kind: rattled
    crystal: {prototype: rocksalt, a: 4.2}
    slices: [{name: warm, count: 10, rattle_A: 0.05}]
  labeler: gpaw
  committee: 2
  model: {channels: 8}
labeler: gpaw
pool:
  kind: rattled
  crystal: {prototype: rocksalt, a: 4.8}
  slices: [{name: warm, count: 6, rattle_A: 0.05}]
test:
  kind: rattled
  crystal: {prototype: rocksalt, a: 4.8}
  slices: [{name: hot, count: 3, rattle_A: 0.1}]
budgets: [1, 2]
arms: [scratch, transfer, rescaled]
acquisitions: [random]
seeds: [0]
committee: 2
"""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["target={map: {Mg: Ca}}", "pool.crystal.formula=CaO"], "pool.crystal: the crystal has O, expected Ca only"),
        (
            ["target={map: {Mg: Ca}}", "pool={kind: file, path: oxide.xyz}", "test={kind: holdout, size: 1}"],
            "pool: structure 0 is CaO, expected Ca only; a target of several elements names all of them: .*O: O",
        ),
        (["target=Ca"], r"target: the source's models are of several elements \(Mg, O\), got Ca alone; say which"),
        (["target={map: {Mg: Ca, S: O}}"], "target.map: the source's models are of Mg, O, and know no S"),
        (["target={map: {Mg: Ca, O: Ca}}"], "target: two elements of the source become Ca"),
        (["target={map: {Mg: Cx, O: O}}"], "target.map.*: 'Cx' is not a chemical element"),
        (["target={from: Mg}"], "target: .*unknown key 'from'"),
        (["source.element=[Mg, Mg]"], "source.element: names Mg twice"),
        (["target={map: {Mg: Np, O: O}}"], "no PAW data set for Np and PBE"),
        (["pool.crystal.prototype=rocksalts"], "pool.crystal.prototype: .*'rocksalt'"),
        (["pool.crystal={prototype: rocksalt}"], "pool.crystal: expected prototype and a, or path"),
        (["pool.crystal={path: gone.cif}"], "pool.crystal: .*gone.cif"),
        (["pool.crystal.a=0.5"], "pool.crystal: .* has two atoms 0.25 Å apart"),
        (["test.crystal.prototype=perovskite"], "test.crystal: ASE makes no perovskite of CaO"),
        (["pool.kind=md", "pool.crystal=null"], "unknown key 'crystal'"),
        (["labeler=stillinger_weber"], "Stillinger-Weber labels one of Si, Ge, not Ca.O"),
        (["evaluations=[errors, elastic]"], "properties of a compound .* in rocksalt or zincblende, got no crystal"),
        (
            ["evaluations=[errors, {kind: structure, melt_K: 3500}]", "crystal=rocksalt"],
            "evaluations: structure: a melt of CaO needs melt_volume",
        ),
        (["evaluations=[errors, elastic]", "crystal=diamond"], "rocksalt or zincblende, got diamond of CaO"),
    ],
)
def test_a_compound_that_cannot_be_is_one_message(refused_study: Refused, changes: list[str], expected: str) -> None:
    Path("small.yaml").write_text(OXIDES)
    write("oxide.xyz", [bulk("CaO", "rocksalt", a=4.8), bulk("CaO", "rocksalt", a=4.9)])
    message = refused_study(*changes)
    assert re.search(expected, message), message
