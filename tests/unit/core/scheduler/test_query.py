import pytest
from hypothesis import given
from hypothesis import strategies as st

from skep.core.scheduler import CellRow, Flavor, Fleet, Group, Policy, Request, parse_query, place
from skep.core.scheduler.query import QueryError

CELL = CellRow(
    "id-1",
    "cell-1",
    cpus=8,
    memory_mib=8192,
    disk_gib=100,
    kvm=True,
    tags=frozenset({"ssd"}),
    labels={"rack": "r1"},
    facts={"tier": "gold", "rating": 0, "gone": None, "bios": {"year": 2024}, "spare": True},
)


def holds(document: object) -> bool:
    group = Group(("vm",), Flavor(1, 512, 1), query=parse_query(document))
    return place(Request((group,)), Fleet([CELL]), Policy(), 0.0).feasible


@pytest.mark.parametrize(
    "query",
    [
        [],
        None,
        "[]",
        ["=", "$cell.cpus", 8],
        ["=", "$cell.cpus", 8.0],
        ["=", "$cell.cpus", 8, 8],
        ["<", "$cell.cpus", 9, 10],
        ["in", "$cell.tier", "silver", "gold"],
        ["in", "ssd", "$cell.tags"],
        ["=", "$cell.labels.rack", "r1"],
        ["=", "$cell.rating", 0],
        ["=", "$cell.spare", True],
        ["=", "$cell.kvm", True],
        [">=", "$cell.bios.year", 2020],
        ["=", "$cell.name", "cell-1"],
        [">=", "$cell.free_memory_mib", 8192],
        ["<", "$cell.load", "$cell.cpus"],
        ["and", ["=", 1, 1], ["or", ["=", 1, 2], ["not", [">", 1, 2]]]],
        '[">=", "$cell.cpus", 4]',
    ],
)
def test_query_holds(query: object) -> None:
    assert holds(query)


@pytest.mark.parametrize(
    "query",
    [
        ["=", "$cell.cpus", 8, 9],
        ["<", "$cell.cpus", 9, 8],
        ["in", "$cell.cpus", 4, 16],
        ["=", "$cell.tags", "ssd"],
        ["=", "$cell.cpus", "8"],
        ["=", "$cell.spare", 1],
        [">", "$cell.spare", False],
        ["=", "$cell.bios", "x"],
        ["not", ["=", "$cell.tier", "gold"]],
    ],
)
def test_query_does_not_hold(query: object) -> None:
    assert not holds(query)


@pytest.mark.parametrize("operator", ["=", "<", ">", "<=", ">=", "in"])
@pytest.mark.parametrize("missing", ["absent", "gone", "bios.month", "tier.deep", "labels.row"])
def test_missing_fact_makes_a_comparison_false_and_not_inverts_it(
    operator: str, missing: str
) -> None:
    for value in ("gold", 0, True, f"$cell.{missing}"):
        comparison = [operator, f"$cell.{missing}", value]
        assert not holds(comparison)
        assert holds(["not", comparison])


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{", "query, at its top: is no JSON"),
        ({"a": 1}, 'query, at its top: a list such as [">=", "$cell.cpus", 8] is needed'),
        (["~", 1, 2], "query, at /0: '~' is no operator; there are: = < > <= >= in not and or"),
        (["and", ["=", 1]], "query, at /1: '=' needs at least 2 values, 1 given"),
        (["or"], "query, at its top: 'or' needs at least 1 condition"),
        (["not", ["=", 1, 1], ["=", 1, 1]], "query, at its top: 'not' takes 1 condition, 2 given"),
        (["=", "$compute.ram", 1], "query, at /1: '$compute.ram' is no fact; facts are written"),
        (["=", 1, [2]], "query, at /2: [2] is neither text, number, true or false nor a fact"),
        (["=", 1, 10**400], "query, at /2: a number must lie within +-1e+18"),
        (["=", 1, float("nan")], "query, at /2: a number must lie within"),
        (["=", *range(300)], "query, at its top: more than 256 parts"),
    ],
)
def test_bad_query_says_where_and_what(query: object, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(query)
    assert str(caught.value).startswith(message)


def test_deep_query_is_refused() -> None:
    query: list[object] = ["=", 1, 1]
    for _ in range(20):
        query = ["not", query]
    with pytest.raises(QueryError, match="nested deeper than 16"):
        parse_query(query)


SCALARS = st.one_of(
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.booleans(),
    st.sampled_from(["$cell.cpus", "$cell.tier", "$cell.tags", "$cell.gone", "$cell.bios", "$x"]),
)
COMPARISONS = st.builds(
    lambda operator, terms: [operator, *terms],
    st.sampled_from(["=", "<", ">", "<=", ">=", "in"]),
    st.lists(SCALARS, min_size=1, max_size=4),
)
QUERIES = st.recursive(
    COMPARISONS,
    lambda inner: st.builds(
        lambda operator, nodes: [operator, *nodes],
        st.sampled_from(["and", "or", "not"]),
        st.lists(inner, max_size=3),
    ),
)


@given(QUERIES)
def test_a_query_is_either_refused_or_answered(query: object) -> None:
    try:
        parse_query(query)
    except QueryError:
        return
    assert holds(query) != holds(["not", query])
