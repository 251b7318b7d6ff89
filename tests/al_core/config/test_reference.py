"""The reference page: every setting is described, and the page is that of the code."""

from pathlib import Path

import pytest

from al_core.config.base import Strict
from al_core.config.reference import config_classes, page

PAGE = Path(__file__).resolve().parents[3] / "docs" / "configs.md"


@pytest.mark.parametrize("config", config_classes(), ids=lambda config: config.__name__)
def test_every_class_and_setting_is_described(config: type[Strict]) -> None:
    assert config.__doc__
    assert [name for name, field in config.model_fields.items() if not field.description] == []


def test_every_class_of_the_configs_is_on_the_page() -> None:
    def below(config: type[Strict]) -> set[type[Strict]]:
        return {config}.union(*map(below, config.__subclasses__()))

    leaves = {config for config in below(Strict) if not config.__subclasses__()}
    assert {config for config in leaves if config.__module__.startswith("al_core.config.")} <= set(config_classes())


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m al_core.config.reference > docs/configs.md"


@pytest.mark.parametrize(
    "row",
    [
        "| `cutoff_eV` | number ≥ 100, ≤ 2000 | `250.0` | ",
        "| `committee` | integer ≥ 2, ≤ 64 | `4` | Models of each committee. |",
        "| `free` | `readouts`, `products` | `products` | ",
        "| `training` | [Training](#training) | `{steps: 3000}` | How the models are trained. |",
        "| `tuning` | [PlainTuning](#plaintuning) | `plain` | ",
        "| `eigensolver` | `davidson`, `rmm-diis`, `ppcg` | none | ",
        "| `settings` | [GPAWLabeler](#gpawlabeler), by name | none | ",
    ],
)
def test_a_row_has_key_type_default_and_description(row: str) -> None:
    assert [line for line in page().splitlines() if line.startswith(row)]


def test_a_section_says_where_its_class_is_used() -> None:
    section = page().split("## EMTLabeler\n")[1].split("\n## ")[0]
    assert (
        "`kind: emt`, for `labeler` of [StudyConfig](#studyconfig), [GrowthConfig](#growthconfig), "
        "[PretrainConfig](#pretrainconfig); `zero_shot` of [StudyConfig](#studyconfig)." in section
    )
