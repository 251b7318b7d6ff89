"""Source models: shipped, in a folder, or pretrained now."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from al_core.config.base import Device, Element, Name, StoreURL, Strict, UserPath, kinds
from al_core.config.labelers import LabelerPart
from al_core.config.structures import SourceStructures
from al_core.config.training import Architecture, LearningRate, Training


class PretrainConfig(Strict):
    """A committee of source models and the data it is trained on."""

    kind: Literal["pretrain"] = "pretrain"
    name: Name = "source"
    element: Element
    structures: SourceStructures
    labeler: LabelerPart | None = None
    store: StoreURL | None = None  # of the labels; a file in the committee's folder if not given
    committee: Annotated[int, Field(ge=2, le=64)] = 4
    model: Architecture = Architecture()
    training: Training = Training(steps=3000)
    learning_rate: LearningRate = 0.03
    workers: Annotated[int, Field(ge=0)] = 0  # 0: one per core
    device: Device = "auto"

    @model_validator(mode="after")
    def _labels_come_from_somewhere(self) -> Self:
        if self.structures.kind == "md" and self.labeler is None:
            raise PydanticCustomError("labeler", "structures of kind 'md' have no labels: a labeler is needed")
        if self.structures.kind != "md" and self.labeler is not None:
            raise PydanticCustomError(
                "labeler", "structures from a file or data set are read with their labels: leave the labeler out"
            )
        return self


class BundledSource(Strict):
    """A committee of source models shipped with Graft."""

    kind: Literal["bundled"] = "bundled"
    name: Name


class BundlesSource(Strict):
    """A committee of source models in a folder, as ``graft pretrain`` writes it."""

    kind: Literal["bundles"] = "bundles"
    path: UserPath


SourcePart = Annotated[
    BundledSource | BundlesSource | PretrainConfig,
    Field(discriminator="kind"),
    kinds("bundled", "bundles", "pretrain"),
]
