"""What clients send. Strict: unknown fields, numbers as text and odd characters are refused."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict

from skep.domain.names import LABEL_NAME
from skep.domain.states import CellState, ImageKind, InstanceState, RunState

CORES_MAX = 1024
COUNT_MAX = 1000
DISK_GIB_MAX = 2**20
MEMORY_MIB_MAX = 2**26
REFS_MAX = 1000
CURSOR_MAX = 2048  # holds the longest name, escaped and in base64
# What no database stores and no object has in its name; lone surrogates are no text at all.
_NO_CONTROL = r"^[^\x00-\x1f]*$"


def _whole(value: object) -> object:
    """Return 512 for 512.0: JSON has one kind of number, and strict integers refuse floats."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, Strict(), BeforeValidator(_whole)]
Factor = Annotated[float, Strict(), Field(gt=0, le=100, allow_inf_nan=False)]
Reference = Annotated[str, Field(min_length=1, max_length=128, pattern=_NO_CONTROL)]
# Names are judged by the services, which know the rule; here only their size, and for the reader
# of the document the rule.
Name = Annotated[str, Field(min_length=1, max_length=256)]
Label = Annotated[Name, Field(json_schema_extra={"pattern": f"^{LABEL_NAME.pattern}$"})]
Flag = Annotated[bool, Strict()]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ListQuery(_In):
    """Which part of a list."""

    limit: int = Field(default=50, ge=1, le=500)
    cursor: str | None = Field(default=None, max_length=CURSOR_MAX)
    sort: str | None = Field(default=None, max_length=64)


class CellQuery(ListQuery):
    """Which Cells."""

    state: CellState | None = None
    pool: Reference | None = None


class InstanceQuery(ListQuery):
    """Which instances; `q` is a part of the name."""

    pool: Reference | None = None
    cell: Reference | None = None
    state: InstanceState | None = None
    q: Reference | None = None
    reservation: Reference | None = None


class RunQuery(ListQuery):
    """Which runs."""

    state: RunState | None = None
    operation: Reference | None = None


class LogQuery(_In):
    """How much of the end of a log."""

    max_bytes: int = Field(default=65536, ge=1, le=2**20)


class EventQuery(_In):
    """From where, and of which run."""

    after: int | None = Field(default=None, ge=0, le=2**62)
    run: Reference | None = None


class CellAccept(_In):
    """The pool that the Cell joins."""

    pool: Reference = "default"


class PoolCreate(_In):
    """A pool and how much its Cells may promise, as a multiple of what they have."""

    name: Label
    cores_overcommit: Factor = 3.0
    memory_overcommit: Factor = 1.0
    disk_overcommit: Factor = 1.0


class ImageCreate(_In):
    """The name of an image to be uploaded."""

    name: Label
    kind: ImageKind = ImageKind.DISK


class InstanceCreate(_In):
    """One reservation; count > 1 makes NAME-1 to NAME-count. No disk_gib: as the image."""

    name: Name
    image: Reference
    count: Whole = Field(default=1, ge=1, le=COUNT_MAX)
    cores: Whole = Field(default=1, ge=1, le=CORES_MAX)
    memory_mib: Whole = Field(default=512, ge=1, le=MEMORY_MIB_MAX)
    disk_gib: Annotated[Whole, Field(ge=1, le=DISK_GIB_MAX)] | None = None
    pool: Reference = "default"


class InstanceRefs(_In):
    """Names or ids."""

    instances: list[Reference] = Field(min_length=1, max_length=REFS_MAX)


class InstanceStop(InstanceRefs):
    """`force` pulls the plug instead of asking the guest."""

    force: Flag = False


class InstanceMigrate(InstanceRefs):
    """The Cell to migrate to."""

    cell: Reference
