"""Fleets and requests for properties: small numbers, so that ties, gaps and ends are common."""

import json
from dataclasses import replace

from hypothesis import strategies as st

from skep.core.scheduler.fleet import CellRow, Fleet
from skep.core.scheduler.placement import place
from skep.core.scheduler.policy import POLICIES, Policy
from skep.core.scheduler.query import parse_query
from skep.core.scheduler.record import Record, record
from skep.core.scheduler.request import Flavor, Group, Needs, Request

NOW = 1_000.0
LAST = 4
USUALLY = (True, False)
# Scores that planning does not change: nothing but the tie order decides.
FLAT = replace(POLICIES["spread"], name="flat", multipliers={"few_failures": 1.0})
KEYS = ("red", "blue")
FIGURES = st.floats(min_value=0.0, allow_nan=False, allow_infinity=False)
WORDS = st.text(max_size=9)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | FIGURES | WORDS,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(WORDS, each, max_size=3),
    max_leaves=6,
)
REQUEST = Request((Group(("a", "b", "c"), Flavor(1, 512, 1)),))
QUERIES = [
    None,
    [">=", "$cell.cpus", 4],
    ["not", ["=", "$cell.tier", "gold"]],
    ["or", ["in", "$cell.tier", "gold", "silver"], [">", "$cell.free_memory_mib", 2048]],
]


def few(*values: object) -> st.SearchStrategy[frozenset[object]]:
    return st.frozensets(st.sampled_from(values))


def mostly(usual: object, *others: object) -> st.SearchStrategy[object]:
    """The usual value four times in five: conditions that all bite at once leave no Cell."""
    return st.integers(0, LAST).flatmap(
        lambda number: st.sampled_from(others) if number == LAST else st.just(usual)
    )


@st.composite
def cells(draw: st.DrawFn, most: int = 7) -> list[CellRow]:
    size = draw(st.sampled_from([0, 1, 2, *range(3, most + 1), most, most]))
    return [draw(one_cell(number)) for number in range(size)]


@st.composite
def one_cell(draw: st.DrawFn, number: int) -> CellRow:
    return CellRow(
        id=f"id-{number * 7 % 10}-{number}",
        name=f"cell-{draw(st.integers(0, 3))}-{number}",
        pool=draw(mostly("default", "other")),
        enabled=number % 2 == 0 or draw(mostly(*USUALLY)),
        online=number % 2 == 0 or draw(mostly(*USUALLY)),
        conflict=None if number % 2 == 0 else draw(mostly(None, "two boot ids")),
        cpus=draw(st.sampled_from([4, 8, 2, 0])),
        memory_mib=draw(st.sampled_from([8192, 4096, 2048])),
        disk_gib=draw(st.sampled_from([100, 40])),
        reserved_memory_mib=draw(mostly(0, 512)),
        promised_cores=draw(st.sampled_from([0, 1, 3])),
        promised_memory_mib=draw(st.sampled_from([0, 1024, 1000])),
        promised_disk_gib=draw(st.sampled_from([0, 10])),
        instances=draw(st.integers(0, 3)),
        max_instances=draw(mostly(0, 4)),
        load1=draw(st.sampled_from([0.0, 0.3, 1.7, 9.0])),
        memory_used_mib=draw(st.sampled_from([0, 1000, 5000])),
        io_load=draw(mostly(0, 2)),
        failures=draw(mostly(0.0, 1.0, 0.25)),
        recent_cores=draw(st.sampled_from([0.0, 3.0])),
        recent_at=draw(st.sampled_from([NOW - 30.0, NOW - 500.0, NOW + 9.0])),
        kvm=draw(mostly(*USUALLY)),
        tags=draw(few("ssd", "gpu")),
        labels=draw(st.sampled_from([{}, {"rack": "1"}, {"rack": "2"}])),
        networks=draw(few("blue", "red")),
        vlans=draw(few(7, 249)),
        images=draw(few("debian")),
        facts=draw(st.sampled_from([{}, {"tier": "gold"}, {"tier": "silver"}])),
    )


@st.composite
def any_cells(draw: st.DrawFn) -> list[CellRow]:
    """Rows whose numbers have any size and bits, and whose words hold any characters."""
    changes = st.fixed_dictionaries(
        {
            "name": WORDS,
            "conflict": st.none() | WORDS,
            "promised_cores": st.integers(0, 2**63 - 1),
            "memory_mib": st.integers(0, 2**63 - 1),
            **dict.fromkeys(("load1", "failures", "recent_cores", "recent_at"), FIGURES),
            **dict.fromkeys(("tags", "images", "networks"), st.frozensets(WORDS, max_size=9)),
            "vlans": st.frozensets(st.integers(1, 4094), max_size=3),
            "labels": st.dictionaries(WORDS, WORDS, max_size=3),
            "facts": st.dictionaries(WORDS, DOCUMENTS, max_size=3),
        }
    )
    return [replace(each, **draw(changes)) for each in draw(cells())]


def facts(row: CellRow) -> dict[str, object]:
    """What `Fleet.update` takes."""
    return {name: value for name, value in vars(row).items() if name != "id"}


@st.composite
def groups(draw: st.DrawFn, number: int) -> Group:
    count = draw(st.integers(1, 12))
    ids = [f"id-{each * 7 % 10}-{each}" for each in range(7)]
    cores, memory = draw(st.sampled_from([1, 1, 2])), draw(st.sampled_from([256, 700]))
    none = frozenset()
    return Group(
        names=tuple(f"vm-{number}-{each}" for each in range(count)),
        flavor=Flavor(cores, memory, draw(st.integers(0, 9))),
        needs=draw(st.one_of(st.just(Needs()), st.just(Needs()), needs())),
        image=draw(st.sampled_from([None, "debian"])),
        owner=draw(st.sampled_from([None, "ann"])),
        affinity=draw(mostly(none, frozenset(["red"]), frozenset(KEYS))),
        anti_affinity=draw(mostly(none, frozenset(["blue"]))),
        soft_affinity=draw(few(*KEYS)),
        soft_anti_affinity=draw(few(*KEYS)),
        max_per_cell=draw(mostly(None, 2)),
        member_limits=draw(mostly({}, {"red": 2}, {"blue": 1, "red": 3})),
        pinned=draw(mostly(none, frozenset(ids[:3]))),
        avoided=draw(mostly(none, frozenset(ids[2:4]))),
        query=parse_query(draw(mostly(*QUERIES))),
        min_count=draw(st.sampled_from([0, 0, 0, 1, None])),
    )


def needs() -> st.SearchStrategy[Needs]:
    none = frozenset()
    return st.builds(
        Needs,
        kvm=st.booleans(),
        networks=mostly(none, frozenset({"blue"})),
        vlans=mostly(none, frozenset({249})),
        tags=mostly(none, frozenset({"ssd"})),
        tags_forbidden=mostly(none, frozenset({"gpu"})),
        labels=mostly(none, frozenset({"rack=1"})),
        labels_forbidden=mostly(none, frozenset({"rack=2"})),
    )


@st.composite
def requests(draw: st.DrawFn) -> Request:
    where = st.dictionaries(st.sampled_from(["id-0-0", "id-7-1", "gone"]), st.integers(1, 2))
    return Request(
        groups=tuple(draw(groups(number)) for number in range(draw(st.integers(1, 3)))),
        pool=draw(mostly("default", None)),
        seed=draw(st.integers(0, 2**64)),
        members=draw(st.dictionaries(st.sampled_from([*KEYS, "owner:ann"]), where)),
        turn_after=draw(st.sampled_from([None, "id-7-1", "gone"])),
    )


def policies() -> st.SearchStrategy[Policy]:
    changes = st.fixed_dictionaries(
        {
            "cores_overcommit": st.sampled_from([3.0, 1.3, 1.0]),
            "memory_overcommit": st.sampled_from([1.0, 1.5]),
            "load_limit": mostly(4.0, None, 0.8),
            "io_limit": mostly(None, 6),
            "max_instances": mostly(None, 5),
        }
    )
    return st.builds(
        lambda policy, change: replace(policy, **change),
        st.sampled_from([*POLICIES.values(), FLAT]),
        changes,
    )


def few_cells(size: int = 3) -> Fleet:
    return Fleet(
        CellRow(f"id-{n}", f"cell-{n}", cpus=4, memory_mib=4096, disk_gib=50) for n in range(size)
    )


PLAN = place(REQUEST, few_cells(), Policy(), NOW)


def recorded(every: Fleet) -> Record:
    """Record some plan with these Cells; what is stored of them does not depend on it."""
    return record(PLAN, every)


def parts(found: Record) -> tuple[dict[str, object], bytes, bytes]:
    """Return what `replay` takes, the document as a database gives it back."""
    return json.loads(json.dumps(found.document)), found.roster, found.varying
