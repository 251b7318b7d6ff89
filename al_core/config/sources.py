"""Source models: shipped, in a folder, or pretrained now."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.base import KIND, Device, Name, StoreURL, Strict, UserPath, kinds
from al_core.config.labelers import LabelerPart
from al_core.config.site import LocalSite, Site
from al_core.config.structures import SampledStructures, SourceStructures
from al_core.config.target import Elements
from al_core.config.training import Architecture, LearningRate, Training


class PretrainConfig(Strict):
    """A committee of source models and the data it is trained on."""

    kind: Annotated[Literal["pretrain"], KIND] = "pretrain"
    name: Annotated[Name, Field(description="Name of the committee; its folder is `runs/NAME`.")] = "source"
    element: Annotated[
        Elements, Field(description="Chemical symbol of the source element, or a list of those of a compound.")
    ]
    structures: Annotated[SourceStructures, Field(description="The structures to train on.")]
    labeler: Annotated[
        LabelerPart | None, Field(description="What labels sampled structures; others are read with their labels.")
    ] = None
    store: Annotated[
        StoreURL | None,
        Field(
            description="PostgreSQL data base of the labels. If not given, that of the study or growth that it is the "
            "source of, else `labels.db` in the committee's folder."
        ),
    ] = None
    committee: Annotated[int, Field(ge=2, le=64, description="Models of the committee.")] = 4
    model: Annotated[Architecture, Field(description="Architecture of the models.")] = Architecture()
    training: Annotated[Training, Field(description="How the models are trained.")] = Training(steps=3000)
    learning_rate: LearningRate = 0.03
    site: Site = LocalSite()
    device: Device = "auto"

    @model_validator(mode="after")
    def _labels_come_from_somewhere(self) -> Self:
        made = isinstance(self.structures, SampledStructures)
        if made and self.labeler is None:
            message = f"structures of kind {self.structures.kind!r} have no labels: a labeler is needed"
            raise PydanticCustomError("labeler", "{message}", {"message": message})
        if not made and self.labeler is not None:
            raise PydanticCustomError(
                "labeler", "structures from a file or data set are read with their labels: leave the labeler out"
            )
        return self


class BundledSource(Strict):
    """A committee of source models shipped with Graft."""

    kind: Annotated[Literal["bundled"], KIND] = "bundled"
    name: Annotated[Name, Field(description="Name of the shipped committee, such as `si-pbe-2`.")]


class BundlesSource(Strict):
    """A committee of source models in a folder, as ``graft pretrain`` writes it."""

    kind: Annotated[Literal["bundles"], KIND] = "bundles"
    path: Annotated[
        UserPath, Field(description="Folder of the committee; a relative path starts at the current folder.")
    ]


GivenSource = BundledSource | BundlesSource
GivenSourcePart = Annotated[GivenSource, Field(discriminator="kind"), kinds("bundled", "bundles")]
SourcePart = Annotated[
    BundledSource | BundlesSource | PretrainConfig,
    Field(discriminator="kind"),
    kinds("bundled", "bundles", "pretrain"),
]
