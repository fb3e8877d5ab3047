import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def _forge(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def _fill(core: Any, names: list[str]) -> None:
    for name in names:
        assert core.post("/pools", {"name": name}).status_code == 201


def _walk(core: Any, query: str) -> list[str]:
    names: list[str] = []
    cursor = ""
    while True:
        page = core.get(f"/pools?{query}{cursor}").get_json()
        assert page["total"] == 6
        names += [each["name"] for each in page["items"]]
        if page["next"] is None:
            return names
        cursor = f"&cursor={page['next']}"


def test_pages_follow_each_other_without_gap_or_repeat(core):
    _fill(core, ["e", "a", "d", "b", "c"])
    assert _walk(core, "limit=2") == ["a", "b", "c", "d", "default", "e"]
    assert _walk(core, "limit=4&sort=-name") == ["e", "default", "d", "c", "b", "a"]
    assert _walk(core, "limit=1&sort=created_at")[0] == "default"


def test_the_longest_names_fit_into_a_cursor(core):
    core.add_cell("cell-1")
    core.add_image("demo")
    smile = "\U0001f600"
    for end in "abc":
        body = {"name": smile * 59 + end, "image": "demo", "memory_mib": 64}
        assert core.post("/instances", body).status_code == 202
    page = core.get("/instances?limit=1").get_json()
    second = core.get("/instances", query_string={"limit": 1, "cursor": page["next"]}).get_json()
    assert second["items"][0]["name"] == smile * 59 + "b"


def test_a_row_that_vanishes_between_pages_disturbs_nothing(core):
    _fill(core, ["a", "b", "c"])
    first = core.get("/pools?limit=2").get_json()
    assert core.ask("DELETE", "/pools/b").status_code == 204
    second = core.get(f"/pools?limit=2&cursor={first['next']}").get_json()
    assert [each["name"] for each in second["items"]] == ["c", "default"]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%00",
        "é",
        "====",
        _forge(5),
        _forge(["v"]),
        _forge(["v", {"a": 1}, "x"]),
        _forge(["v", 5, "x"]),
        _forge(["v", "a", None]),
        _forge(["v", "a\0b", "x"]),
        _forge(["t", "2026-01-01T00:00:00+00:00", "x"]),
        base64.urlsafe_b64encode(b'["v", "\\ud800", "x"]').decode(),
        base64.urlsafe_b64encode(b"[" * 700).decode(),
    ],
)
def test_a_garbled_cursor_is_refused(core, expect_problem, cursor: str):
    body = expect_problem(core.get("/pools", query_string={"cursor": cursor}), 422, "invalid_page")
    assert body["errors"][0]["pointer"] == "?cursor"


@pytest.mark.parametrize("moment", ["yesterday", 5, None, "0001-01-01T00:00:00+23:59", ["x"]])
def test_a_garbled_moment_in_a_cursor_is_refused(core, expect_problem, moment: object):
    query = {"sort": "created_at", "cursor": _forge(["t", moment, "x"])}
    expect_problem(core.get("/pools", query_string=query), 422, "invalid_page")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from(["name", "created_at", "id", "-name"]),
)
def test_no_forged_cursor_breaks_the_core(core, value: object, sort: str):
    text = json.dumps(["v", value, "x"]) if not isinstance(value, list) else json.dumps(value)
    cursor = base64.urlsafe_b64encode(text.encode()).decode()[:1024]
    response = core.get("/pools", query_string={"cursor": cursor, "sort": sort})
    assert response.status_code in {200, 422}


@pytest.mark.parametrize("sort", ["colour", "-", "--name", "name desc", "generation;drop"])
def test_an_unknown_sort_key_is_refused(core, expect_problem, sort: str):
    expect_problem(core.get("/pools", query_string={"sort": sort}), 422, "invalid_page")


@pytest.mark.parametrize("limit", ["0", "-1", "501", "ten", "1e3", "9" * 400])
def test_an_odd_limit_is_refused(core, expect_problem, limit: str):
    expect_problem(core.get("/pools", query_string={"limit": limit}), 422, "validation")


def test_cells_are_filtered_by_state_and_pool(core, expect_problem):
    core.add_cell("cell-1")
    core.add_cell("cell-2", state="offline")
    core.add_cell("cell-3", state="discovered", pool_id=None)

    def names(query: str) -> list[str]:
        return [each["name"] for each in core.get(f"/cells?{query}").get_json()["items"]]

    assert names("") == ["cell-1", "cell-2", "cell-3"]
    assert names("state=offline") == ["cell-2"]
    assert names("pool=default&state=online") == ["cell-1"]
    expect_problem(core.get("/cells?state=sleepy"), 422, "validation")
