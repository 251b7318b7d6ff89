"""The verdict on a growth: what the potential is good for, and what is doubtful."""

from al_core.evaluation.material import atoms_in
from al_core.evaluation.survival import stable_up_to
from al_core.report.growth_overview import GrowthOverview, ended
from al_core.report.growth_sections.trust import too_sure
from al_core.report.numbers import NO_BREAK, counted, hours, number
from al_core.report.page import fragment
from al_core.report.tiles import MISSING, Tile
from al_core.studies.growth_index import CALIBRATED, Round

_UNIT = "meV/Å"


def verdict(view: GrowthOverview) -> str:
    """Return the top of the page, as HTML."""
    return fragment(
        "growth_sections/verdict",
        name=view.results.name,
        headline=headline(view),
        tiles=tiles(view),
        cautions=cautions(view),
        purpose=purpose(view),
        reason=view.results.reason,
        last=view.last,
        material=view.material,
        tested=bool(view.test_errors),
    )


def headline(view: GrowthOverview) -> str:
    """Return the result in one sentence."""
    last = view.last
    if last is None:
        return "No result yet: no round is finished."
    expected = f"a force error of {number(1e3 * last.expected)} {_UNIT} is expected, {view.wanted:g} was wanted"
    if not view.results.reason:
        return f"Unfinished: after round {last.number}, with {counted(last.labels, 'label')}, {expected}."
    about = f"{view.material} potential for {_phases(view)} at {_temperatures(view)}"
    found = doubts(view, last)
    if not found:
        return f"{about} is good enough: {expected}, and dynamics are stable."
    return f"{about} is not shown to be good enough: {'; '.join(found)}."


def doubts(view: GrowthOverview, last: Round) -> list[str]:
    """Return what keeps the potential of the last round from being good enough; none where nothing does."""
    found, drawn = [], last.calibration.structures
    if 1e3 * last.expected > view.wanted:
        found.append(f"a force error of {number(1e3 * last.expected)} {_UNIT} is expected, {view.wanted:g} was wanted")
    inside = view.test_error(last, inside=True)
    if inside is not None and inside > view.wanted and not found:
        found.append(f"on test slices within its purpose the force error is {number(inside)} {_UNIT}")
    if drawn < CALIBRATED:
        found.append("its expected error is not calibrated" if not drawn else f"only {drawn} labels calibrate it")
    if view.stable(last) is None:
        found.append("the dynamics it is for were not run")
    elif not view.stable(last):
        found.append("the dynamics it is for are not stable")
    if last.lost:
        found.append(f"{_lost(last)} lost in the last round")
    return found


def cautions(view: GrowthOverview) -> list[str]:
    """Return what a reader must know before the numbers."""
    last, told = view.last, []
    if not view.results.reason:
        told.append("This growth is unfinished: the page shows its finished rounds. No model is delivered yet.")
    if last is None:
        return told
    drawn = last.calibration.structures
    if not drawn:
        told.append(
            "The expected error is not calibrated: it is the bare disagreement of the models, mostly too small."
        )
    elif drawn < CALIBRATED:
        told.append(
            f"The expected error is calibrated on {counted(drawn, 'label')} drawn at random; it takes {CALIBRATED}."
        )
    if 1e3 * last.expected > view.wanted:
        told.append(f"The expected force error is above the {view.wanted:g} {_UNIT} that were wanted.")
    inside = view.test_error(last, inside=True)
    if inside is not None and inside > view.wanted >= 1e3 * last.expected:
        told.append(
            f"On the test slices within the purpose the force error is {number(inside)} {_UNIT}, more than was wanted."
        )
    if drawn and (zms := too_sure(view, last)) is not None:
        sure = f"errors are larger than expected (ZMS {number(zms)}, 1 is right)"
        told.append(f"On the test slices within the purpose {sure}.")
    if view.stable(last) is False:
        told.append(f"Dynamics are not stable: {'; '.join(_unstable(view, last)) or 'they could not be run'}.")
    if last.lost:
        causes = sorted({ended(one).split(":")[0] for one in last.journeys if ended(one)})
        told.append(f"In the last round {_lost(last)} lost ({', '.join(causes)}): longer dynamics may fail as well.")
    return told


def purpose(view: GrowthOverview) -> list[tuple[str, str]]:
    """Return what the potential is for: (what, how much) of each."""
    wanted, liquid = view.purpose, ", the liquid at {:g} K"
    sizes = [len(frame.atoms) for frames in view.frames.values() for frame in frames]
    ends = sorted({min(sizes), max(sizes)}) if sizes else []
    cells = f"{' to '.join(map(str, ends))} atoms explored" if ends else "not known"
    pressure = wanted.pressure_GPa
    return [
        ("Phases", _phases(view)),
        (
            "temperatures",
            _temperatures(view) + (liquid.format(wanted.liquid_K) if "liquid" in wanted.phases else ""),
        ),
        ("strain", f"up to {100 * wanted.strain:g}{NO_BREAK}%" if wanted.strain else "none"),
        ("cells", cells),
        ("pressure", "fixed volume" if pressure is None else f"{pressure:g} GPa"),
    ]


def tiles(view: GrowthOverview) -> tuple[Tile, ...]:
    """Return the four tiles: expected error, test error, stability, cost."""
    return _expected_tile(view), _test_tile(view), _stability_tile(view), _cost_tile(view)


def _expected_tile(view: GrowthOverview) -> Tile:
    title, last = "Expected force error", view.last
    if last is None:
        return Tile(title, MISSING, lines=("No round is finished yet.",))
    reached = 1e3 * last.expected <= view.wanted
    lines = [f"wanted: {view.wanted:g} {_UNIT}, {'reached' if reached else 'not reached'}"]
    if last.calibration.structures:
        lines.append(f"calibrated on {counted(last.calibration.structures, 'label')} drawn at random")
    else:
        lines.append("not calibrated")
    if last.calibration.force_mae is not None:
        lines.append(f"cross-validated error of these: {number(1e3 * last.calibration.force_mae)} {_UNIT}")
    return Tile(title, number(1e3 * last.expected), _UNIT, tuple(lines))


def _test_tile(view: GrowthOverview) -> Tile:
    title, last = "Force error on the test set", view.last
    error = view.test_error(last) if last else None
    if last is None or error is None:
        asked = bool(view.results.config.get("test"))
        reason = "Asked for, and nothing there yet." if asked else "Not measured: give a labelled test set as test."
        return Tile(title, MISSING, lines=(reason,))
    slices = [name for name in view.test_errors[last.number].metrics if name != "all"]
    outside = [name for name in slices if view.outside(name)]
    inside = view.test_error(last, inside=True)
    if not outside or inside is None:
        return Tile(title, number(error), _UNIT, (f"mean over {counted(len(slices), 'slice')}",))
    lines = (
        f"mean over {counted(len(slices) - len(outside), 'slice')} within the purpose",
        f"over all {len(slices)}: {number(error)} {_UNIT}; outside, where it may fail: {', '.join(outside)}",
    )
    return Tile(title, number(inside), _UNIT, lines)


def _stability_tile(view: GrowthOverview) -> Tile:
    title, last, wanted = "Stable dynamics", view.last, view.purpose
    crystal = view.results.config.get("crystal") or {}
    atoms = atoms_in(view.material, crystal.get("prototype"), wanted.supercell)
    asked = f"asked: {wanted.picoseconds:g} ps, {atoms} atoms, {_temperatures(view)}"
    walks = view.walks(last) if last else []
    if last is None or not walks:
        why = "They could not be run." if last and last.stability else "Run when the growth ends."
        return Tile(title, MISSING, lines=(asked, why))
    highest = stable_up_to(walks)
    lines = [asked, *_unstable(view, last)]
    if view.stable(last):
        lines.append(f"all stable, {counted(len(walks), 'walker')}")
    if highest is None:
        return Tile(title, "none", lines=tuple(lines))
    return Tile(title, f"up to {highest:g}", "K", tuple(lines))


def _cost_tile(view: GrowthOverview) -> Tile:
    spent = view.results.ledger
    if not spent:
        return Tile("Labels", MISSING, lines=("Nothing was spent yet.",))
    lines = [f"paid for labels: {hours(spent['label_core_seconds'])}"]
    if spent.get("labels_reused"):
        lines.append(f"{spent['labels_reused']} of the labels reused from the store")
    if spent["labels_failed"]:
        lines.append(f"{counted(spent['labels_failed'], 'label')} failed: {hours(spent['failed_core_seconds'])} of it")
    lines.append(f"training: {hours(spent['training_core_seconds'])}")
    done = spent["labels_done"]
    return Tile("Labels and cost", str(done), "label" if done == 1 else "labels", tuple(lines))


def _unstable(view: GrowthOverview, one: Round) -> list[str]:
    return [
        f"{float(walk['temperature_K']):g} K: {walk['failure']} after {number(float(walk['time_ps']))} ps"
        for walk in view.walks(one)
        if walk["failure"]
    ]


def _lost(one: Round) -> str:
    return f"{one.lost} of {counted(len(one.journeys), 'walker')} {'was' if one.lost == 1 else 'were'}"


def _phases(view: GrowthOverview) -> str:
    phases = ("the given structures",) if view.results.config.get("starts") else view.purpose.phases
    return _listed(phases)


def _temperatures(view: GrowthOverview) -> str:
    return f"{_listed([f'{one:g}' for one in view.purpose.temperatures_K])} K"


def _listed(words: tuple[str, ...] | list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
