"""The flow ``active-learning``: one arm grows its own label set by one acquisition."""

from pathlib import Path

from prefect import flow

from al_core.config.base import nearest
from al_core.config.reading import load_config
from al_core.config.study import StudyConfig
from al_core.errors import ConfigError
from flows.study import run_study


@flow(name="active-learning", flow_run_name="{arm}, seed {seed} of {config}")
def active_learning(
    config: str,
    arm: str = "rescaled",
    acquisition: str = "",
    seed: int = 0,
    out: str | None = None,
    overrides: list[str] | None = None,
) -> str:
    """Run one (arm, acquisition, seed) of a study config through all budgets and return the path of the report.

    Args:
        config: path of the study's YAML file.
        arm: the name of one of the config's arms.
        acquisition: the name of one of its acquisitions; the last one listed if not given.
        seed: of selections, initial weights and batches.
        out: folder for stores, results and report; ``runs/<study>-<arm>-<acquisition>-<seed>`` if not given.
        overrides: ``key.path=value`` changes to the config.

    Raises:
        ConfigError: the config has no such arm or acquisition.
    """
    study = load_config(StudyConfig, Path(config), tuple(overrides or ()))
    acquisition = acquisition or study.acquisitions[-1].title
    arms = [part for part in study.arms if part.title == arm]
    acquisitions = [part for part in study.acquisitions if part.title == acquisition]
    if not arms:
        known: list[str] = [part.title for part in study.arms]
        raise ConfigError(f"arm: {arm!r} is not in {config}{nearest(arm, known)}")
    if not acquisitions:
        known = [part.title for part in study.acquisitions]
        raise ConfigError(f"acquisition: {acquisition!r} is not in {config}{nearest(acquisition, known)}")
    name = f"{study.name}-{arm}-{acquisition}-{seed}"
    single = study.model_copy(
        update={
            "name": name,
            "arms": tuple(arms),
            "acquisitions": tuple(acquisitions),
            "seeds": (seed,),
            "comparisons": ("own",),
            "shared_leader": "",
        }
    )
    return str(run_study(single, Path(out) if out else Path("runs") / name))
