"""Where a study runs."""

from typing import Annotated, Literal

from pydantic import Field

RunnerKind = Annotated[
    Literal["workers", "inline"],
    Field(
        description="Where functions run: `workers` is worker processes of this machine, `inline` is the process of "
        "the flow itself, one function after the other."
    ),
]
