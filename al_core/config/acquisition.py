"""The acquisitions: which structures are labelled next."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from al_core.config.base import KIND, Method, kinds

Asks = Literal["nothing", "forces", "gradient_features"]


class Acquisition(Method):
    """What is known of an acquisition beside its settings.

    Attributes:
        asks: what it needs of the models for every candidate: nothing, the committee's forces, or gradient features.
    """

    asks: ClassVar[Asks]
    later: ClassVar[tuple[str, ...]] = (*Method.later, "slices")

    slices: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(description="Slices of the pool that it selects from, by their names (`config_type`); all if empty."),
    ] = ()

    @property
    def asks_models(self) -> bool:
        """Whether models choose; if not, the same structures are chosen for every arm."""
        return self.asks != "nothing"

    @property
    def asks_costs(self) -> bool:
        """Whether it asks what each label is expected to cost."""
        return False


class RandomAcquisition(Acquisition):
    """Structures drawn at random."""

    asks: ClassVar[Asks] = "nothing"

    kind: Annotated[Literal["random"], KIND] = "random"


class UncertaintyAcquisition(Acquisition):
    """The structures on which the committee disagrees most about a force."""

    asks: ClassVar[Asks] = "forces"

    kind: Annotated[Literal["uncertainty"], KIND] = "uncertainty"


class VarianceReductionAcquisition(Acquisition):
    """The structures whose labels would take most of the expected force error off the whole pool."""

    asks: ClassVar[Asks] = "gradient_features"
    later: ClassVar[tuple[str, ...]] = (*Acquisition.later, "per_cost")

    kind: Annotated[Literal["variance_reduction"], KIND] = "variance_reduction"
    per_cost: Annotated[
        bool,
        Field(
            description="Whether the reduction is divided by the core-seconds that the label is expected to cost: for "
            "pools with cells of several sizes."
        ),
    ] = False

    @property
    def asks_costs(self) -> bool:
        """With ``per_cost``."""
        return self.per_cost


AnyAcquisition = RandomAcquisition | UncertaintyAcquisition | VarianceReductionAcquisition
AcquisitionPart = Annotated[
    AnyAcquisition, Field(discriminator="kind"), kinds("random", "uncertainty", "variance_reduction")
]
