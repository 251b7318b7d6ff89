"""What the command line needs to know of configs before any flow is started."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from ase import Atoms
from ase.formula import Formula

from al_core.config.base import StoreURL, Strict, nearest
from al_core.config.growth import GrowthConfig
from al_core.config.labelers import AnyLabeler, LabelerPart
from al_core.config.reading import validate
from al_core.config.site import AnySite, Site
from al_core.config.sources import SourcePart
from al_core.config.structures import BundledStructures, FileStructures, LabelledFile, SampledStructures
from al_core.config.study import StudyConfig
from al_core.config.target import Elements, elements_of
from al_core.config.training import Architecture
from al_core.errors import ConfigError
from al_core.evaluation.material import atoms_in
from al_core.labels.costs import CostModel, Known, learn
from al_core.labels.databases import is_url
from al_core.labels.store import Entry, LabelStore
from al_core.models.card import read_card
from al_core.models.committee import committee_folders
from al_core.structures.datasets import LabelKeys
from al_core.structures.making import crystals_of
from al_core.studies.data import given_structures
from al_core.studies.plan import GrowthPlan, Plan, SourcePlan, growth_plan, plan, source_plan
from al_core.studies.workspace import Workspace
from calculators.base import make_labeler
from flows.growth_preflight import crystal_simulated, walkers_start_from
from flows.sources import given_folder, is_pretrained, source_folder

_ROOT = Path(__file__).resolve().parent


class _LabelerOnly(Strict):
    labeler: LabelerPart


class _ElementsOnly(Strict):
    element: Elements


class _LabelledFileOnly(Strict):
    labels: LabelledFile


class _StoreOnly(Strict):
    store: StoreURL | None


class _SiteOnly(Strict):
    site: Site


def checked_labeler(settings: dict[str, Any]) -> AnyLabeler:
    """Return validated labeler settings; see :func:`al_core.config.reading.load_config` for the errors."""
    return validate(_LabelerOnly, {"labeler": settings}, "of the labeler (--labeler, --set)", below="labeler").labeler


def checked_elements(symbols: Sequence[str]) -> tuple[str, ...]:
    """Return chemical symbols; errors as above."""
    return validate(_ElementsOnly, {"element": list(symbols)}, "of the command line").element


def checked_formula(text: str) -> str:
    """Return a chemical symbol or a formula; errors as above."""
    try:
        symbols = list(Formula(text).count())
    except ValueError:
        symbols = [text]
    checked_elements(symbols)
    return text


def label_keys(file: Path, settings: dict[str, Any]) -> LabelKeys:
    """Return the names that labels have in a file, validated; errors as above."""
    given = {"labels": {"path": file, **settings}}
    return LabelKeys.of(validate(_LabelledFileOnly, given, "of the command line", below="labels").labels)


def checked_store(url: str | None) -> str | None:
    """Return a validated URL of a label store; errors as above."""
    return validate(_StoreOnly, {"store": url}, "of the command line").store


def checked_site(settings: dict[str, Any] | None) -> AnySite:
    """Return a validated site, this machine if None is given; errors as above."""
    return validate(_SiteOnly, {"site": settings or {}}, "of the site", below="site").site


def existing_store(where: str) -> LabelStore:
    """Return the label store of a folder, a file or a URL.

    Raises:
        ConfigError: there is none.
    """
    if is_url(where):
        return LabelStore(where)
    path = Path(where)
    workspace = Workspace(path)
    if path.is_file() or workspace.has_store:
        return LabelStore(path if path.is_file() else workspace.store)
    raise ConfigError(f"{where}: expected a folder with a label store, a store's file (labels.db) or its URL")


def shipped_config(name: str) -> Path:
    """Return a config that comes with Graft, in a checkout or an installed wheel."""
    folders = [folder for folder in (_ROOT / "_configs", _ROOT.parent / "configs") if folder.is_dir()]
    for folder in folders:
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    known = [path.stem for folder in folders for path in folder.glob("*.yaml")]
    raise ConfigError(f"no config {name!r} is shipped{nearest(name, known)}")


def source_architecture(source: SourcePart) -> Architecture:
    """Return the architecture of a source's models, which all models made from them have."""
    if source.kind == "pretrain":
        return source.model
    return Architecture.model_validate(read_card(committee_folders(given_folder(source))[0])["architecture"])


def plan_study(config: StudyConfig, out: Path) -> tuple[Plan, int, CostModel]:
    """Return the plan of a study, how many finished labels its store holds already, and what they say of the cost."""
    pool = _structures(config.pool, elements_of(config.target))
    done, costs, model = _label_costs(config.labeler, pool, out)
    sizes = [len(atoms) for atoms in pool]
    return plan(config, source_architecture(config.source), sizes, sum(costs) / len(costs)), done, model


def plan_growth(config: GrowthConfig, out: Path) -> tuple[GrowthPlan, int, CostModel]:
    """Return the plan of a growth, how many finished labels its store holds already, and what they say of the cost."""
    starts = walkers_start_from(config)
    done, costs, model = _label_costs(config.labeler, starts, out)
    crystal = crystal_simulated(config)
    sizes, architecture = [len(atoms) for atoms in starts], source_architecture(config.source)
    simulated = atoms_in(crystal.formula, crystal.structure, config.purpose.supercell)
    planned = growth_plan(config, architecture, sizes, simulated, sum(costs) / len(costs))
    return planned, done, model


def plan_source(source: SourcePart, out: Path) -> SourcePlan | None:
    """Return the plan of a source that a study or growth is to pretrain, None where there is nothing to do."""
    folder = source_folder(source, Workspace(out))
    if source.kind != "pretrain" or is_pretrained(folder):
        return None
    structures = _structures(source.structures, source.element)
    costs = _label_costs(source.labeler, structures, folder)[1] if source.labeler else [0.0]
    return source_plan(source, [len(atoms) for atoms in structures], sum(costs) / len(costs))


def _structures(
    wanted: SampledStructures | FileStructures | BundledStructures, elements: tuple[str, ...]
) -> list[Atoms]:
    """Return structures of a config, those to be sampled as the crystals that sampling starts from."""
    return crystals_of(wanted, elements) if isinstance(wanted, SampledStructures) else given_structures(wanted)


def _label_costs(settings: AnyLabeler, structures: Sequence[Atoms], out: Path) -> tuple[int, list[float], CostModel]:
    """Return how many labels the store of a folder holds, the expected core-seconds of structures, and the model."""
    workspace = Workspace(out)
    done = [entry for entry in LabelStore(workspace.store).each() if entry.label] if workspace.has_store else []
    labeler, model = make_labeler(settings), cost_model(done, settings.kind)
    costs = [model.seconds(labeler.estimate_core_seconds(one), labeler.cost_factors(one)) for one in structures]
    return len(done), costs, model


def cost_model(entries: Sequence[Entry], kind: str) -> CostModel:
    """Return what finished labels of one kind of labeler, of any settings, say of their cost."""
    return learn(known_costs(entries, kind))


_FIELDS = {one.model_fields["kind"].default: set(one.model_fields) for one in get_args(AnyLabeler)}


def known_costs(entries: Sequence[Entry], kind: str) -> list[Known]:
    """Return expectation and cost of every label that a labeler of one kind, of any settings, computed."""
    known = []
    for entry in entries:
        if entry.label is None or entry.label.core_seconds <= 0:
            continue  # found, not computed
        settings = entry.label.provenance.get("labeler", {})
        if settings.get("kind") == kind:
            fields = _FIELDS[kind]
            labeler = make_labeler(checked_labeler({key: value for key, value in settings.items() if key in fields}))
            estimate = labeler.estimate_core_seconds(entry.atoms)
            known.append(Known(estimate, labeler.cost_factors(entry.atoms), entry.label.core_seconds))
    return known
