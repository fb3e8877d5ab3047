"""Fleets and requests for properties: small numbers, so that ties, gaps and ends are common."""

from dataclasses import replace

from hypothesis import strategies as st

from skep.core.scheduler.fleet import CellRow
from skep.core.scheduler.policy import POLICIES, Policy
from skep.core.scheduler.query import parse_query
from skep.core.scheduler.request import Flavor, Group, Needs, Request

NOW = 1_000.0
KEYS = ("red", "blue")
QUERIES = [
    None,
    [">=", "$cell.cpus", 4],
    ["not", ["=", "$cell.tier", "gold"]],
    ["or", ["in", "$cell.tier", "gold", "silver"], [">", "$cell.free_memory_mib", 2048]],
]


def few(*values: object) -> st.SearchStrategy[frozenset[object]]:
    return st.frozensets(st.sampled_from(values))


@st.composite
def cells(draw: st.DrawFn, most: int = 7) -> list[CellRow]:
    return [draw(one_cell(number)) for number in range(draw(st.integers(0, most)))]


@st.composite
def one_cell(draw: st.DrawFn, number: int) -> CellRow:
    rarely_not = st.sampled_from([True, True, True, False])
    return CellRow(
        id=f"id-{number * 7 % 10}-{number}",
        name=f"cell-{draw(st.integers(0, 3))}-{number}",
        pool=draw(st.sampled_from(["default", "default", "other"])),
        enabled=draw(rarely_not),
        online=draw(rarely_not),
        conflict=draw(st.sampled_from([None, None, None, "two boot ids"])),
        cpus=draw(st.sampled_from([0, 2, 4, 8])),
        memory_mib=draw(st.sampled_from([2048, 4096, 8192])),
        disk_gib=draw(st.sampled_from([20, 100])),
        reserved_memory_mib=draw(st.sampled_from([0, 512])),
        promised_cores=draw(st.sampled_from([0, 1, 5])),
        promised_memory_mib=draw(st.sampled_from([0, 1024, 3000])),
        promised_disk_gib=draw(st.sampled_from([0, 10])),
        instances=draw(st.integers(0, 3)),
        max_instances=draw(st.sampled_from([0, 0, 4])),
        load1=draw(st.sampled_from([0.0, 0.3, 2.7, 9.0])),
        memory_used_mib=draw(st.sampled_from([0, 1000, 5000])),
        io_load=draw(st.sampled_from([0, 0, 2])),
        failures=draw(st.sampled_from([0.0, 1.0, 0.25])),
        recent_cores=draw(st.sampled_from([0.0, 3.0])),
        recent_at=draw(st.sampled_from([NOW - 30.0, NOW - 500.0, NOW + 9.0])),
        kvm=draw(rarely_not),
        tags=draw(few("ssd", "gpu")),
        labels=draw(st.sampled_from([{}, {"rack": "1"}, {"rack": "2"}])),
        networks=draw(few("blue", "red")),
        vlans=draw(few(7, 249)),
        images=draw(few("debian")),
        facts=draw(st.sampled_from([{}, {"tier": "gold"}, {"tier": "silver"}])),
    )


@st.composite
def groups(draw: st.DrawFn, number: int) -> Group:
    count = draw(st.integers(1, 9))
    ids = [f"id-{each * 7 % 10}-{each}" for each in range(7)]
    return Group(
        names=tuple(f"vm-{number}-{each}" for each in range(count)),
        flavor=Flavor(
            draw(st.sampled_from([1, 1, 2])),
            draw(st.sampled_from([256, 700])),
            draw(st.integers(0, 9)),
        ),
        needs=draw(needs()),
        image=draw(st.sampled_from([None, "debian"])),
        owner=draw(st.sampled_from([None, "ann"])),
        affinity=draw(
            st.sampled_from([frozenset(), frozenset(), frozenset(["red"]), frozenset(KEYS)])
        ),
        anti_affinity=draw(st.sampled_from([frozenset(), frozenset(), frozenset(["blue"])])),
        soft_affinity=draw(few(*KEYS)),
        soft_anti_affinity=draw(few(*KEYS)),
        max_per_cell=draw(st.sampled_from([None, None, 2])),
        pinned=draw(st.sampled_from([frozenset(), frozenset(), frozenset(ids[:3])])),
        avoided=draw(st.sampled_from([frozenset(), frozenset(ids[2:4])])),
        query=parse_query(draw(st.sampled_from(QUERIES))),
        min_count=draw(st.sampled_from([None, 0, 1])),
    )


def needs() -> st.SearchStrategy[Needs]:
    plain = st.just(Needs())
    picky = st.builds(
        Needs,
        kvm=st.booleans(),
        networks=few("blue"),
        vlans=few(249),
        tags=few("ssd"),
        tags_forbidden=few("gpu"),
        labels=few("rack=1"),
        labels_forbidden=few("rack=2"),
    )
    return st.one_of(plain, plain, picky)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    where = st.dictionaries(st.sampled_from(["id-0-0", "id-7-1", "gone"]), st.integers(1, 2))
    return Request(
        groups=tuple(draw(groups(number)) for number in range(draw(st.integers(1, 3)))),
        pool=draw(st.sampled_from(["default", "default", None])),
        seed=draw(st.integers(0, 2**64)),
        members=draw(st.dictionaries(st.sampled_from([*KEYS, "owner:ann"]), where)),
        turn_after=draw(st.sampled_from([None, "id-7-1", "gone"])),
    )


def policies() -> st.SearchStrategy[Policy]:
    changes = st.fixed_dictionaries(
        {
            "cores_overcommit": st.sampled_from([1.0, 1.3, 3.0]),
            "memory_overcommit": st.sampled_from([1.0, 1.5]),
            "load_limit": st.sampled_from([None, 0.8, 4.0]),
            "io_limit": st.sampled_from([None, 6]),
            "max_instances": st.sampled_from([None, 5]),
        }
    )
    return st.builds(
        lambda policy, change: replace(policy, **change),
        st.sampled_from(sorted(POLICIES.values(), key=lambda each: each.name)),
        changes,
    )
