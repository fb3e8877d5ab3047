"""The one error base of Skep. Leaves are named after the fact, carry data, and format themselves.

They are raised where the fact is known and caught only at the edge (API, command line, run worker).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(eq=False)
class SkepError(Exception):
    """Base of every error that a person may read."""

    code: ClassVar[str] = "error"
    template: ClassVar[str] = "something went wrong"

    def __str__(self) -> str:
        return self.template.format(**vars(self))


@dataclass(eq=False)
class NotFoundError(SkepError):
    """No object of this kind has this name or id."""

    template: ClassVar[str] = (
        "{kind} {name!r} does not exist; `skep {noun} list` shows those that do"
    )
    kind: str
    name: str

    @property
    def problem_code(self) -> str:
        """`<kind>_not_found`, the code that clients match on."""
        return f"{self.kind.replace(' ', '_')}_not_found"

    def __str__(self) -> str:
        # The command line says `group` for an instance group.
        return self.template.format(**vars(self), noun=self.kind.split()[-1])


@dataclass(eq=False)
class NameTakenError(SkepError):
    """Another object of this kind has this name."""

    code: ClassVar[str] = "name_taken"
    template: ClassVar[str] = "{kind} {name!r} exists already; choose another name"
    kind: str
    name: str


@dataclass(eq=False)
class InvalidNameError(SkepError):
    """A name breaks the rule of its kind."""

    code: ClassVar[str] = "invalid_name"
    template: ClassVar[str] = "{kind} name {name!r} is not allowed: {rule}"
    kind: str
    name: str
    rule: str


@dataclass(eq=False)
class InvalidStateError(SkepError):
    """The object's state does not allow the operation."""

    code: ClassVar[str] = "invalid_state"
    template: ClassVar[str] = "{kind} {name!r} is {state}; {operation} needs it {needed}"
    kind: str
    name: str
    state: str
    operation: str
    needed: str


@dataclass(eq=False)
class InUseError(SkepError):
    """Something else still needs the object."""

    code: ClassVar[str] = "in_use"
    template: ClassVar[str] = "{kind} {name!r} is in use by {count} {user}; remove them first"
    kind: str
    name: str
    count: int
    user: str

    @property
    def problem_code(self) -> str:
        """`<kind>_in_use`, or what stands in the way for a Cell."""
        code = f"{self.kind.replace(' ', '_')}_in_use"
        return "cell_has_instances" if self.kind == "cell" else code


@dataclass(eq=False)
class BusyError(SkepError):
    """Another run works on the object."""

    code: ClassVar[str] = "instance_busy"
    template: ClassVar[str] = "instance {name!r} is busy with run {run}; wait for it or cancel it"
    name: str
    run: str


@dataclass(frozen=True)
class Rejection:
    """Why one filter refused one Cell, with the numbers."""

    cell: str
    filter: str
    reason: str


@dataclass(eq=False)
class NoValidCellError(SkepError):
    """No Cell can take one more instance of this size."""

    code: ClassVar[str] = "no_valid_cell"
    template: ClassVar[str] = (
        "{instance}: no Cell in pool {pool!r} can take it ({summary}); "
        "choose a smaller instance, free resources or add a Cell"
    )
    instance: str
    pool: str
    rejections: Sequence[Rejection]
    more: str = ""
    """What is to say of all Cells when `rejections` names only some."""

    @property
    def summary(self) -> str:
        """The reasons in one line, or that the pool is empty."""
        if self.more:
            return self.more
        if not self.rejections:
            return "the pool has no Cell; `skep cell accept NAME --pool POOL` adds one"
        return "; ".join(f"{each.cell}: {each.reason}" for each in self.rejections)

    def __str__(self) -> str:
        return self.template.format(**vars(self), summary=self.summary)


@dataclass(eq=False)
class ConflictError(SkepError):
    """The object changed since it was read."""

    code: ClassVar[str] = "generation_conflict"
    template: ClassVar[str] = "{kind} {name!r} changed meanwhile; read it again and repeat"
    kind: str
    name: str


@dataclass(eq=False)
class AmbiguousNameError(SkepError):
    """Several objects of this kind have this name."""

    code: ClassVar[str] = "ambiguous_name"
    template: ClassVar[str] = "{kind} {name!r} is not one but several; name one by its id: {ids}"
    kind: str
    name: str
    ids: str


@dataclass(eq=False)
class SameCellError(SkepError):
    """A migration's target is where the instance is already."""

    code: ClassVar[str] = "same_cell"
    template: ClassVar[str] = "instance {name!r} is on Cell {cell} already; name another Cell"
    name: str
    cell: str


@dataclass(eq=False)
class CellFailedError(SkepError):
    """A Cell could not answer a question."""

    code: ClassVar[str] = "cell_failed"
    template: ClassVar[str] = "{cell}: {what} can't be read ({reason}): {msg}"
    cell: str
    what: str
    reason: str
    msg: str
