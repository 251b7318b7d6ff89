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

Workers = Annotated[
    int, Field(ge=0, description="Processes at once, for labels and for training; 0 is one for each core.")
]
