"""A data-budget study: one YAML file is one frozen model, checked completely before anything is computed."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.acquisition import AcquisitionPart
from al_core.config.arms import ArmPart
from al_core.config.base import Device, Element, Name, PositiveInt, StoreURL, Strict, nearest
from al_core.config.labelers import LabelerPart
from al_core.config.sources import SourcePart
from al_core.config.structures import SourceStructures, TestStructures
from al_core.config.training import Training


class StudyConfig(Strict):
    """A study: every arm, acquisition and seed at every label budget."""

    name: Name
    target: Element
    source: SourcePart
    labeler: LabelerPart
    pool: SourceStructures
    test: TestStructures
    budgets: tuple[PositiveInt, ...]
    arms: tuple[ArmPart, ...]
    acquisitions: tuple[AcquisitionPart, ...]
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = (0, 1, 2)
    comparisons: tuple[Literal["shared", "own"], ...] = ("shared", "own")
    shared_leader: str = ""  # the arm whose choices all arms share; '' is the last one listed
    committee: Annotated[int, Field(ge=2, le=64)] = 4
    training: Training = Training()
    store: StoreURL | None = None  # of the labels; a file in the study's folder if not given
    max_failed_share: Annotated[float, Field(ge=0, le=1)] = 0.3  # of the labels asked for
    workers: Annotated[int, Field(ge=0)] = 0  # processes at once, for labels and for training; 0: one per core
    device: Device = "auto"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        def fail(message: str) -> None:
            raise PydanticCustomError("study", "{message}", {"message": message})

        for key in ("budgets", "arms", "acquisitions", "seeds", "comparisons"):
            values = [getattr(value, "kind", value) for value in getattr(self, key)]
            if not values:
                fail(f"{key} is empty")
            if len(set(values)) != len(values):
                fail(f"{key} names something twice: {values}")
        if list(self.budgets) != sorted(self.budgets):
            fail(f"budgets must increase, got {list(self.budgets)}")
        kinds = [arm.kind for arm in self.arms]
        if self.shared_leader and self.shared_leader not in kinds:
            fail(f"shared_leader: {self.shared_leader!r} is not one of the arms{nearest(self.shared_leader, kinds)}")
        if self.source.kind == "pretrain" and self.committee > self.source.committee:
            fail(f"committee of {self.committee} needs as many source models, the source has {self.source.committee}")
        return self

    @property
    def leader(self) -> str:
        """The arm whose choices all arms share in the shared comparison."""
        return self.shared_leader or self.arms[-1].kind
