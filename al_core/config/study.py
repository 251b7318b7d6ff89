"""A data-budget study: one YAML file is one frozen model, checked completely before anything is computed."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.acquisition import AcquisitionPart
from al_core.config.arms import AnyArm, ArmPart
from al_core.config.base import Device, Method, Name, PositiveInt, StoreURL, Strict, nearest
from al_core.config.evaluation import AnyEvaluation, Crystal, ErrorsEvaluation, EvaluationPart
from al_core.config.labelers import LabelerPart, labeler_title
from al_core.config.references import ComputedReference, ReferencePart
from al_core.config.site import LocalSite, Site
from al_core.config.sources import SourcePart
from al_core.config.structures import PoolStructures, TestStructures
from al_core.config.target import TargetPart
from al_core.config.training import Training


class StudyConfig(Strict):
    """A study: every arm, acquisition and seed at every label budget."""

    name: Annotated[Name, Field(description="Name of the study; its folder is `runs/NAME`.")]
    target: TargetPart
    source: Annotated[SourcePart, Field(description="The source committee: models of what has many labels.")]
    labeler: Annotated[LabelerPart, Field(description="What labels the structures of the target.")]
    pool: Annotated[PoolStructures, Field(description="The candidates, from which structures to label are selected.")]
    test: Annotated[TestStructures, Field(description="The frozen test set. No model selects from it or trains on it.")]
    budgets: Annotated[tuple[PositiveInt, ...], Field(description="Numbers of labels to train with, increasing.")]
    arms: Annotated[tuple[ArmPart, ...], Field(description="How the models of the target start.")]
    acquisitions: Annotated[tuple[AcquisitionPart, ...], Field(description="How the structures to label are selected.")]
    evaluations: Annotated[
        tuple[EvaluationPart, ...], Field(description="What is measured on each trained committee.")
    ] = (ErrorsEvaluation(),)
    zero_shot: Annotated[
        tuple[LabelerPart, ...],
        Field(
            description="Potentials that are measured on the test set as they are, with no label of the study: "
            "labelers, such as `chgnet`. Each is a line in the learning curves."
        ),
    ] = ()
    property_budgets: Annotated[
        tuple[PositiveInt, ...],
        Field(description="The budgets at which all evaluations but `errors` are made; every one if not given."),
    ] = ()
    reference: Annotated[
        ReferencePart, Field(description="What properties are measured against. Only read where one is evaluated.")
    ] = ComputedReference()
    crystal: Annotated[
        Crystal | None, Field(description="The crystal whose properties are evaluated; the target's own if not given.")
    ] = None
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...],
        Field(description="Everything is repeated for each seed: random labels, random weights, order of batches."),
    ] = (0, 1, 2)
    pool_share: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="Share of the pool that each seed has, drawn at random. With the whole of it an acquisition "
            "that is not random selects nearly the same structures for every seed, and intervals over "
            "seeds are too narrow.",
        ),
    ] = 1.0
    comparisons: Annotated[
        tuple[Literal["shared", "own"], ...],
        Field(description="`shared`: all arms train on the same labels; `own`: each arm on the labels it selected."),
    ] = ("shared", "own")
    shared_leader: Annotated[
        str, Field(description="Name of the arm whose selections all arms share; the last one listed if not given.")
    ] = ""
    committee: Annotated[int, Field(ge=2, le=64, description="Models of each committee.")] = 4
    training: Annotated[Training, Field(description="How the models of every arm are trained.")] = Training()
    store: Annotated[
        StoreURL | None,
        Field(description="PostgreSQL data base of the labels; `labels.db` in the study's folder if not given."),
    ] = None
    max_failed_share: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="The study stops when more than this share of its labels, or of its cells, failed.",
        ),
    ] = 0.3
    site: Site = LocalSite()
    device: Device = "auto"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        def fail(message: str) -> None:
            raise PydanticCustomError("study", "{message}", {"message": message})

        for key in ("budgets", "arms", "acquisitions", "evaluations", "seeds", "comparisons"):
            values = getattr(self, key)
            if not values:
                fail(f"{key} is empty")
            names = [getattr(value, "title", getattr(value, "kind", value)) for value in values]
            if len(set(names)) < len(names):
                hint = "; give each a name of its own: {kind: ..., name: ...}" if isinstance(values[0], Method) else ""
                fail(f"{key} names something twice: {names}{hint}")
        potentials = [labeler_title(one) for one in self.zero_shot]
        if len(set(potentials)) < len(potentials):
            fail(f"zero_shot names something twice: {potentials}")
        if list(self.budgets) != sorted(self.budgets):
            fail(f"budgets must increase, got {list(self.budgets)}")
        if not any(evaluation.kind == "errors" for evaluation in self.evaluations):
            fail("evaluations lacks errors, which the learning curves are made of")
        if other := sorted({*self.property_budgets}.difference(self.budgets)):
            fail(f"property_budgets: {', '.join(map(str, other))} not among the budgets {list(self.budgets)}")
        arms = [arm.title for arm in self.arms]
        if self.shared_leader and self.shared_leader not in arms:
            fail(f"shared_leader: {self.shared_leader!r} is not one of the arms{nearest(self.shared_leader, arms)}")
        if self.source.kind == "pretrain" and self.committee > self.source.committee:
            fail(f"committee of {self.committee} needs as many source models, the source has {self.source.committee}")
        return self

    def evaluations_at(self, budget: int) -> tuple[AnyEvaluation, ...]:
        """Return what is measured on the committees of a budget."""
        properties = budget in (self.property_budgets or self.budgets)
        return tuple(one for one in self.evaluations if one.kind == "errors" or properties)

    @property
    def leader(self) -> str:
        """The name of the arm whose selections all arms share in the shared comparison."""
        return self.shared_leader or self.arms[-1].title

    @property
    def baseline(self) -> AnyArm | None:
        """The arm that the others are compared with on the same labels: the first listed that is one, or None."""
        return next((arm for arm in self.arms if arm.is_baseline), None)
