"""The command ``graft init``: a config to begin with, from six answers."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

_QUESTIONS = {
    "what": "A study, which compares ways to start, or a potential grown for a purpose? (study, grow)",
    "target": "Element with few labels",
    "source": "Where its models start: a shipped committee, a folder of models, or labels of another element",
    "structures": "Structures to choose from: md (molecular dynamics), a file that ASE reads, or a shipped data set",
    "labeler": "What labels them: gpaw or another code, tblite, stillinger_weber, emt, a file or data set with labels",
    "labels": "Labels to train with, at most (a study pays for those of each seed, and for its test set)",
}
_FEWEST, _MOST, _HELD_OUT = 2, 10_000, 16  # labels; structures of the test set, at most
_DEFAULTS = {"what": "study", "source": "si-pbe-2", "structures": "md", "labeler": "gpaw", "labels": "8"}


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="The config to write.")],
    what: Annotated[Literal["study", "grow"] | None, typer.Option(help="A study, or one potential.")] = None,
    target: Annotated[str | None, typer.Option(help="Chemical symbol of the element with few labels.")] = None,
    source: Annotated[
        str | None, typer.Option(help="A shipped committee, a folder of models, or a file with labels.")
    ] = None,
    structures: Annotated[str | None, typer.Option(help="md, a file that ASE reads, or a shipped data set.")] = None,
    labeler: Annotated[
        str | None,
        typer.Option(help="gpaw, espresso, tblite, stillinger_weber, emt, a file with labels, or a data set."),
    ] = None,
    labels: Annotated[int | None, typer.Option(min=_FEWEST, max=_MOST, help="Labels to train with, at most.")] = None,
) -> None:
    """Write a commented config that runs, from six answers. What no option says is asked."""
    from al_core.errors import ConfigError

    if file.exists():
        raise ConfigError(f"{file} is there already; remove it, or give another name")
    if not file.parent.is_dir():
        raise ConfigError(f"{file}: no such folder: {file.parent}")
    given = {"what": what, "target": target, "source": source, "structures": structures, "labeler": labeler}
    answers = {key: value if value is not None else _asked(key) for key, value in given.items()}
    answers["labels"] = str(labels) if labels is not None else _asked("labels")
    command, text = _config(file.stem, answers)
    _check(command, text, str(file))
    from al_core.storage.files import write_text

    write_text(file, text)
    plan = f"study plan {file}" if command == "study run" else f"grow {file} --plan"
    print(f"{file}\n\nwhat it costs:    graft {plan}\n")
    print(f"run it:           graft {command} {file}")


def _asked(key: str) -> str:
    """Ask until the answer can be."""
    return str(typer.prompt(_QUESTIONS[key], default=_DEFAULTS.get(key), value_proc=_ANSWERS.get(key)))


def _kind(answer: str) -> str:
    if answer not in ("study", "grow"):
        raise typer.BadParameter("study or grow")
    return answer


def _element(answer: str) -> str:
    from ase.data import chemical_symbols

    from al_core.config.base import meant_element

    if answer not in chemical_symbols[1:]:
        meant = meant_element(answer)
        raise typer.BadParameter(f"{answer!r} is no chemical symbol" + (f"; did you mean {meant}?" if meant else ""))
    return answer


def _number(answer: str) -> str:
    if not answer.isdigit() or not _FEWEST <= int(answer) <= _MOST:
        raise typer.BadParameter(f"a number from {_FEWEST} to {_MOST}")
    return answer


_ANSWERS = {"what": _kind, "target": _element, "labels": _number}


def _config(name: str, answers: Mapping[str, str]) -> tuple[str, str]:
    """Return the command that runs a config, and its text.

    Raises:
        ConfigError: an answer that cannot be.
    """
    from al_core.config.base import nearest
    from al_core.errors import ConfigError

    if answers["what"] not in ("study", "grow"):
        raise ConfigError(f"unknown kind of config {answers['what']!r}{nearest(answers['what'], ['study', 'grow'])}")
    try:
        labels = int(answers["labels"])
    except ValueError:
        raise ConfigError(f"labels: expected a number, got {answers['labels']!r}") from None
    target = answers["target"]
    head = [
        f"# yaml-language-server: $schema={answers['what']}.schema.json",
        f"# {target}: every setting is described in docs/configs.md; editors know them after the command",
        f"# graft schema {answers['what']} > {answers['what']}.schema.json",
        f"name: {_yaml(name)}",
        f"target: {_yaml(target)}",
        *_source(answers["source"]),
        *_labeler(answers["labeler"], target),
    ]
    if answers["what"] == "grow":
        return "grow", "\n".join([*head, *_growth(answers, labels), ""])
    return "study run", "\n".join([*head, *_study(answers, labels), ""])


def _yaml(text: str) -> str:
    """Return a text as it stands in YAML."""
    import yaml

    plain = re.fullmatch(r"[\w./+-]+", text) and yaml.safe_load(text) == text  # 2024 and yes would be read as others
    return text if plain else json.dumps(text)


def _path(answer: str, *suffixes: str) -> str:
    """Return a path as configs have it, '' where the answer is a word."""
    path = Path(answer).expanduser()
    return os.path.abspath(path) if path.exists() or path.suffix in suffixes or os.sep in answer else ""


_FILES = (".xyz", ".extxyz", ".traj", ".db")


def _source(answer: str) -> list[str]:
    path = _path(answer, *_FILES)
    if not path:
        return [f"source: {{kind: bundled, name: {_yaml(answer)}}}  # or a folder: kind bundles, and its path"]
    if Path(path).is_dir():
        return [f"source: {{kind: bundles, path: {_yaml(path)}}}"]
    return [
        "source:  # four models, trained first; an hour or more on a small machine",
        "  kind: pretrain",
        f"  name: {_yaml(Path(path).stem)}",
        f"  element: {_element_of(path)}",
        f"  structures: {{kind: file, path: {_yaml(path)}{_stress(path)}}}  # energy_key, ... name its labels",
        "  committee: 4",
        "  model: {channels: 32, max_L: 1}",
        "  training: {steps: 4000, batch_size: 2, ema_decay: 0.99}",
    ]


def _element_of(path: str) -> str:
    from al_core.errors import ConfigError
    from al_core.structures.datasets import read_structures

    symbols = {symbol for atoms in read_structures(Path(path)) for symbol in atoms.get_chemical_symbols()}
    if len(symbols) != 1:
        raise ConfigError(f"source: {path} has {', '.join(sorted(symbols))}; expected one element")
    return str(symbols.pop())


def _stress(path: str) -> str:
    """Return the setting that reads the stresses of a file, '' where it has none."""
    from al_core.structures.datasets import LabelKeys, read_structures

    named = any(LabelKeys.stress in atoms.info for atoms in read_structures(Path(path)))
    return f", stress_key: {LabelKeys.stress}" if named else ""


def _given(answer: str) -> str:
    """Return structures of a file or a shipped data set as configs have them, '' where the answer is neither."""
    from al_core.config.base import nearest
    from al_core.errors import ConfigError
    from al_core.structures.datasets import bundled_names

    path = _path(answer, *_FILES)
    found = f"{{kind: file, path: {_yaml(path)}}}" if path else _shipped(answer)
    if not found and answer != "md":
        raise ConfigError(f"structures: {answer!r} is no file{nearest(answer, ['md', *bundled_names()])}")
    return found


def _shipped(answer: str) -> str:
    """Return a shipped data set as configs have it, '' where the answer is none."""
    from al_core.structures.datasets import bundled_names

    return f"{{kind: bundled, name: {answer}}}" if answer in bundled_names() else ""


def _labeler(answer: str, target: str) -> list[str]:
    from al_core.config.codes import CODES

    if shipped := _shipped(answer):
        return [f"labeler: {shipped}  # its labels are looked up"]
    if path := _path(answer, *_FILES):
        return [f"labeler: {{kind: dataset, path: {_yaml(path)}{_stress(path)}}}"]
    if answer == "gpaw":
        return ["labeler: {kind: gpaw, preset: standard}  # PBE; fast and tight are the other presets"]
    if answer == "tblite":
        return [
            "labeler: {kind: ase, calculator: tblite, parameters: {method: GFN1-xTB, electronic_temperature: 2000}}"
        ]
    if answer == "espresso":
        return [
            "labeler:",
            "  kind: ase",
            "  calculator: espresso",
            "  folders: {pseudo_dir: /usr/share/espresso/pseudo}  # where the pseudopotentials are",
            "  parameters:",
            f"    pseudopotentials: {{{target}: {target}.pbe-kjpaw.UPF}}  # the file of each element",
            "    kspacing: 0.045  # between k-points, 1/Å without 2π, in cells of any size",
            "    input_data:  # cutoffs in Ry",
            "      system: {ecutwfc: 40, ecutrho: 200, occupations: smearing, degauss: 0.01}",
            "      electrons: {conv_thr: 1.0e-9}",
        ]
    if answer in CODES:
        return [
            "labeler:",
            "  kind: ase",
            f"  calculator: {answer}",
            "  parameters: {}  # those of ASE's calculator; its files and program: docs/howto/own-dft-code.md",
        ]
    return [f"labeler: {_yaml(answer)}"]


def _study(answers: Mapping[str, str], labels: int) -> list[str]:
    budgets = sorted({1, *(2**power for power in range(20) if 2**power < labels), labels})
    return [
        *_pool(answers, labels),
        f"budgets: {budgets}  # labels to train with",
        "arms: [scratch, transfer, rescaled]  # how the models start",
        "acquisitions: [random, lcmd]  # how structures to label are selected",
        "seeds: [0, 1]  # more seeds, narrower intervals",
        "committee: 2",
        "training: {steps: 300, batch_size: 4}",
    ]


def _pool(answers: Mapping[str, str], labels: int) -> list[str]:
    if given := _given(answers["structures"]):
        return [
            f"pool: {given}" + ("  # at_most: 5000 draws from a long file" if "kind: file" in given else ""),
            f"test: {{kind: holdout, size: {_held_out(answers['structures'])}}}  # frozen, unseen; labelled too",
        ]
    lines = []
    for part, seed, count in (("pool", 1, max(8, labels)), ("test", 2, 6)):
        lines += [
            f"{part}:" + ("  # candidates to label" if part == "pool" else "  # frozen, unseen; labelled too"),
            "  kind: md",
            f"  seed: {seed}",
            "  slices:",
            f"    - {{name: cold, count: {count}, temperature_K: 300}}",
            f"    - {{name: hot, count: {count}, temperature_K: 900}}",
            f"    - {{name: strained, count: {count}, temperature_K: 300, strain: 0.08}}",
        ]
    return lines


def _held_out(answer: str) -> int:
    """Return how many structures the test set takes: of a file of few a quarter."""
    if not (path := _path(answer)):
        return _HELD_OUT
    from al_core.structures.datasets import read_structures

    return max(1, min(_HELD_OUT, len(read_structures(Path(path))) // 4))


def _growth(answers: Mapping[str, str], labels: int) -> list[str]:
    given = _given(answers["structures"])
    return [
        "purpose:  # what the potential is for; it grows until it is good enough for it",
        "  temperatures_K: [300, 900]",
        "  phases: [crystal]",
        "  strain: 0.03",
        "  force_error_meV_per_A: 30",
        "  picoseconds: 10",
        f"labels: {labels}  # at most",
        "batch: 4" if labels >= 4 else f"batch: {labels}",
        "committee: 2",
        *([f"starts: {given}  # walkers start from these"] if given else []),
    ]


def _check(command: str, text: str, where: str) -> None:
    """Refuse a config that could not run, before it is written."""
    import yaml

    from al_core.config.growth import GrowthConfig
    from al_core.config.reading import validate
    from al_core.config.study import StudyConfig
    from flows.growth_preflight import preflight_growth
    from flows.preflight import preflight

    data: dict[str, Any] = yaml.safe_load(text)
    if command == "grow":
        preflight_growth(validate(GrowthConfig, data, where), Path("runs") / data["name"])
    else:
        preflight(validate(StudyConfig, data, where), Path("runs") / data["name"])
