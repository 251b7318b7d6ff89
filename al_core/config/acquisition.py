"""The acquisitions: which structures are labelled next."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from al_core.config.base import KIND, Method, kinds

Asks = Literal["nothing", "forces", "features", "errors"]
Features = Literal["force_gradients", "energy_gradients", "descriptors"]
_FEATURES = Field(
    description="What describes a structure to the first member: `force_gradients`, the gradients by the weights of "
    "eight random combinations of its forces; `energy_gradients`, that of its energy per atom, which has no "
    "randomness and costs a quarter; or `descriptors`, what the last layer knows of its atoms, mean and spread."
)
_PER_COST = Field(
    description="Whether what a structure is worth is divided by the core-seconds that its label is expected to cost: "
    "for pools with cells of several sizes."
)


class Acquisition(Method):
    """What is known of an acquisition beside its settings.

    Attributes:
        asks: what it needs of the models for every candidate: nothing, the committee's forces, features,
            or their true errors.
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
    def asks_forces(self) -> bool:
        """Whether it asks the committee's forces, or what they are off by."""
        return self.asks in ("forces", "errors")

    @property
    def asks_costs(self) -> bool:
        """Whether it asks what each label is expected to cost."""
        return False

    @property
    def asks_target(self) -> bool:
        """Whether it asks the features of the structures that errors are to be small on."""
        return False

    @property
    def features_of(self) -> Features:
        """Which features it asks, if it asks them."""
        return "force_gradients"


class RandomAcquisition(Acquisition):
    """Structures drawn at random."""

    asks: ClassVar[Asks] = "nothing"

    kind: Annotated[Literal["random"], KIND] = "random"


class UncertaintyAcquisition(Acquisition):
    """The structures on which the committee disagrees most about a force."""

    asks: ClassVar[Asks] = "forces"

    kind: Annotated[Literal["uncertainty"], KIND] = "uncertainty"


class VarianceReductionAcquisition(Acquisition):
    """The structures whose labels would take most of the expected force error off the candidates left, or a target."""

    asks: ClassVar[Asks] = "features"
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

    @property
    def asks_target(self) -> bool:
        """Always."""
        return True


class FeatureAcquisition(Acquisition):
    """What acquisitions by the geometry of features have in common."""

    asks: ClassVar[Asks] = "features"

    features: Annotated[Features, _FEATURES] = "energy_gradients"
    per_cost: Annotated[bool, _PER_COST] = False

    @property
    def asks_costs(self) -> bool:
        """With ``per_cost``."""
        return self.per_cost

    @property
    def features_of(self) -> Features:
        """As ``features`` says."""
        return self.features


class MaxDetAcquisition(FeatureAcquisition):
    """The structures about which the model knows least, given its labels and each other."""

    kind: Annotated[Literal["max_det"], KIND] = "max_det"
    features: Annotated[Features, _FEATURES] = "force_gradients"


class FarthestPointAcquisition(FeatureAcquisition):
    """The structures that are farthest from all that are labelled or taken."""

    kind: Annotated[Literal["farthest_point"], KIND] = "farthest_point"
    force_guided: Annotated[
        bool,
        Field(description="Whether distances are multiplied by the norm of the predicted forces, its mean over atoms."),
    ] = False

    @property
    def asks_forces(self) -> bool:
        """With ``force_guided``."""
        return self.force_guided


class LCMDAcquisition(FeatureAcquisition):
    """The farthest structure of the largest cluster around what is labelled or taken."""

    kind: Annotated[Literal["lcmd"], KIND] = "lcmd"


class ErrorOracleAcquisition(Acquisition):
    """The structures with the largest true force error, for studies whose labels are looked up."""

    asks: ClassVar[Asks] = "errors"

    kind: Annotated[Literal["error_oracle"], KIND] = "error_oracle"


AnyAcquisition = (
    RandomAcquisition
    | UncertaintyAcquisition
    | VarianceReductionAcquisition
    | MaxDetAcquisition
    | FarthestPointAcquisition
    | LCMDAcquisition
    | ErrorOracleAcquisition
)
AcquisitionPart = Annotated[
    AnyAcquisition,
    Field(discriminator="kind"),
    kinds("random", "uncertainty", "variance_reduction", "max_det", "farthest_point", "lcmd", "error_oracle"),
]
