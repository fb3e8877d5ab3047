"""The types that requests and answers are made of, with their bounds."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict

from skep.domain.names import CELL_NAME, LABEL_NAME

CORES_MAX = 1024
COUNT_MAX = 1000
DISK_GIB_MAX = 2**20
MEMORY_MIB_MAX = 2**26
REFS_MAX = 1000
CURSOR_MAX = 2048  # holds the longest name, escaped and in base64
WORDS_MAX = 64  # tags, labels, networks and the like of one object
LIMIT_MAX = 1_000_000
# What no database stores and no object has in its name; lone surrogates are no text at all.
_NO_CONTROL = r"^[^\x00-\x1f]*$"
_TAG = "[A-Za-z0-9][A-Za-z0-9._/-]{0,62}"


def _whole(value: object) -> object:
    """Return 512 for 512.0: JSON has one kind of number, and strict integers refuse floats."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _unique(values: list[Any]) -> list[Any]:
    """Return each value once, in order: what is asked for twice is asked for once."""
    return sorted(set(values))


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


# What a change leaves out stays as it is; the document must not promise a default.
UNCHANGED: Any = Field(default=None, json_schema_extra=_without_default)

Whole = Annotated[int, Strict(), BeforeValidator(_whole)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Flag = Annotated[bool, Strict()]
Factor = Annotated[Number, Field(gt=0, le=100)]
Limit = Annotated[Whole, Field(ge=1, le=LIMIT_MAX)]
Cores = Annotated[Whole, Field(ge=1, le=CORES_MAX)]
MemoryMib = Annotated[Whole, Field(ge=1, le=MEMORY_MIB_MAX)]
DiskGib = Annotated[Whole, Field(ge=1, le=DISK_GIB_MAX)]
Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Reference = Annotated[str, Field(min_length=1, max_length=128, pattern=_NO_CONTROL)]
References = Annotated[list[Reference], Field(max_length=REFS_MAX), AfterValidator(_unique)]
# Names are judged by the services, which know the rule; here only their size, and for the reader
# of the document the rule.
Name = Annotated[str, Field(min_length=1, max_length=256)]
Label = Annotated[Name, Field(json_schema_extra={"pattern": f"^{LABEL_NAME.pattern}$"})]
CellName = Annotated[str, Field(pattern=f"^{CELL_NAME.pattern}$")]
Word = Annotated[str, Field(min_length=1, max_length=64, pattern=_NO_CONTROL)]
Words = Annotated[list[Word], Field(max_length=WORDS_MAX), AfterValidator(_unique)]
Tag = Annotated[str, Field(pattern=f"^{_TAG}$")]
Tags = Annotated[list[Tag], Field(max_length=WORDS_MAX), AfterValidator(_unique)]
Labels = Annotated[dict[Tag, Tag], Field(max_length=WORDS_MAX)]
Pair = Annotated[str, Field(pattern=f"^{_TAG}={_TAG}$")]
Pairs = Annotated[list[Pair], Field(max_length=WORDS_MAX), AfterValidator(_unique)]
Vlan = Annotated[Whole, Field(ge=1, le=4094)]
Vlans = Annotated[list[Vlan], Field(max_length=WORDS_MAX), AfterValidator(_unique)]
Multiplier = Annotated[Number, Field(ge=-1e9, le=1e9)]
Multipliers = Annotated[dict[Word, Multiplier], Field(max_length=WORDS_MAX)]


class Body(BaseModel):
    """What clients send. Strict: unknown fields, numbers as text, odd characters are refused."""

    model_config = ConfigDict(extra="forbid")


class ListQuery(Body):
    """Which part of a list."""

    limit: int = Field(default=50, ge=1, le=500)
    cursor: str | None = Field(default=None, max_length=CURSOR_MAX)
    sort: str | None = Field(default=None, max_length=64)


class ListAnswer(BaseModel):
    """What every page of a list has beside its `items`."""

    next: str | None
    total: int
