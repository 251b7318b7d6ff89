"""What the properties of a study's models are measured against."""

from typing import Annotated, Literal

from pydantic import Field

from al_core.config.base import KIND, Name, Strict, UserPath, kinds


class ComputedReference(Strict):
    """The study's labeler computes it, once; its labels are kept in the label store."""

    kind: Annotated[Literal["computed"], KIND] = "computed"


class BundledReference(Strict):
    """Properties shipped with Graft."""

    kind: Annotated[Literal["bundled"], KIND] = "bundled"
    name: Annotated[Name, Field(description="Name of the shipped properties, such as `ge-properties-pbe`.")]


class FileReference(Strict):
    """A file that ``graft properties --json`` wrote."""

    kind: Annotated[Literal["file"], KIND] = "file"
    path: Annotated[UserPath, Field(description="The file; a relative path starts at the current folder.")]


class NoReference(Strict):
    """None: properties are reported as they are."""

    kind: Annotated[Literal["none"], KIND] = "none"


AnyReference = ComputedReference | BundledReference | FileReference | NoReference
ReferencePart = Annotated[AnyReference, Field(discriminator="kind"), kinds("computed", "bundled", "file", "none")]
