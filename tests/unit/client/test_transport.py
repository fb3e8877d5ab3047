import time
from dataclasses import replace
from urllib.parse import quote

import pytest
from tests.unit.client.samples import cell, page, pool, run, status
from tests.unit.client.scripted_core import TOKEN, Answer, Authority, problem

from skep.client.api import CoreApi
from skep.client.errors import (
    CertificateError,
    CoreUnreachableError,
    DeniedError,
    EndpointError,
    InvalidRequestError,
    MissingError,
    ProblemError,
    RefusedError,
    UnexpectedAnswerError,
)
from skep.domain.errors import InvalidNameError, Rejection


def test_the_token_is_sent_and_the_answer_is_typed(api, core):
    core.on("GET", "/status", status())
    found = api.status()
    assert found.zone["port"] == 5599
    assert found.discovery.received == 120
    assert core.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_the_token_is_not_shown_when_the_endpoint_is_printed(endpoint):
    assert TOKEN not in repr(endpoint)


def test_the_servers_own_certificate_can_be_pinned_instead_of_its_authority(endpoint, core):
    core.on("GET", "/status", status())
    with CoreApi(replace(endpoint, ca_file=core.certificate)) as api:
        assert api.status().database == "ok"


def test_another_authority_is_refused_and_nothing_is_asked(endpoint, core, tmp_path):
    with CoreApi(replace(endpoint, ca_file=Authority(tmp_path).file)) as api:
        with pytest.raises(CertificateError, match="certificate"):
            api.status()
        with pytest.raises(CertificateError):
            api.certificate_expires_at()
    assert core.asked == []


def test_a_request_adds_no_authority_to_the_pinned_one(api, core):
    core.on("GET", "/status", status())
    api.status()
    assert len(api._transport.context.get_ca_certs()) == 1


def test_environment_and_netrc_change_neither_trust_nor_token(
    api, core, tmp_path, monkeypatch, endpoint
):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login mallory password x\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    core.on("GET", "/status", status())
    assert api.status().database == "ok"


def test_a_redirect_is_not_followed(api, core):
    core.on("GET", "/status", Answer({}, 302))
    with pytest.raises(ProblemError) as caught:
        api.status()
    assert caught.value.problem_code == "http_302"
    assert len(core.asked) == 1


def test_a_stopped_core_is_unreachable_with_the_systems_reason(api, core):
    core.stop()
    with pytest.raises(CoreUnreachableError, match="Connection refused"):
        api.status()
    core.start()


def test_a_silent_core_is_given_up_after_the_read_timeout(endpoint, core):
    def late(_asked):
        time.sleep(0.6)
        return Answer(status())

    core.on("GET", "/status", late)
    with (
        CoreApi(replace(endpoint, read_timeout_s=0.2)) as api,
        pytest.raises(CoreUnreachableError, match="no answer in time"),
    ):
        api.status()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, InvalidRequestError),
        (401, DeniedError),
        (403, DeniedError),
        (404, MissingError),
        (409, RefusedError),
        (412, RefusedError),
        (422, InvalidRequestError),
        (500, ProblemError),
        (503, ProblemError),
    ],
)
def test_a_problem_becomes_the_error_of_its_status(api, core, code, kind):
    core.on("GET", "/cells/x", problem(code, "some_code", "what happened"))
    with pytest.raises(ProblemError) as caught:
        api.cells.get("x")
    assert type(caught.value) is kind
    assert caught.value.problem_code == "some_code"
    assert caught.value.request_id == "req-1"
    assert str(caught.value) == "what happened"


def test_extra_members_and_rejections_travel_with_the_problem(api, core):
    rejected = [{"cell": "cell-1", "filter": "memory", "reason": "1 MiB free"}, "nonsense"]
    core.on("POST", "/pools", problem(409, "no_valid_cell", "none", rejected=rejected, hint=7))
    with pytest.raises(RefusedError) as caught:
        api.pools.create("p")
    assert caught.value.rejected == [Rejection("cell-1", "memory", "1 MiB free")]
    assert caught.value.members["hint"] == 7


def test_field_errors_are_part_of_the_message(api, core):
    errors = [{"pointer": "/count", "code": "too_small", "message": "at least 1"}]
    core.on("POST", "/pools", problem(422, "validation", "not valid", errors=errors))
    with pytest.raises(InvalidRequestError, match="not valid; /count: at least 1"):
        api.pools.create("p")


def test_field_errors_that_the_detail_tells_already_are_not_repeated(api, core):
    errors = [{"pointer": "/count", "code": "too_small", "message": "at least 1"}]
    core.on("POST", "/pools", problem(422, "validation", "/count: at least 1", errors=errors))
    with pytest.raises(InvalidRequestError) as caught:
        api.pools.create("p")
    assert str(caught.value) == "/count: at least 1"


def test_a_field_error_whose_words_the_detail_tells_adds_its_place_only(api, core):
    errors = [{"pointer": "/groups/3/query", "code": "x", "message": "'foo' is no operator"}]
    core.on("POST", "/pools", problem(422, "invalid_query", "'foo' is no operator", errors=errors))
    with pytest.raises(InvalidRequestError) as caught:
        api.pools.create("p")
    assert str(caught.value) == "'foo' is no operator; at /groups/3/query"


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b""])
def test_an_error_page_that_is_no_problem_still_tells_the_status(api, core, body):
    core.on("GET", "/status", Answer(body, 502, "text/html"))
    with pytest.raises(ProblemError, match="HTTP 502"):
        api.status()


@pytest.mark.parametrize("answer", [Answer(b"<html>"), Answer({"items": 3}), Answer([])])
def test_an_answer_that_is_no_list_is_named_unexpected(api, core, answer):
    core.on("GET", "/cells", answer)
    with pytest.raises(UnexpectedAnswerError, match="/cells"):
        list(api.cells.list())


def test_an_object_without_a_needed_member_names_the_member(api, core):
    core.on("GET", "/cells/x", {"id": "1"})
    with pytest.raises(UnexpectedAnswerError, match="name: Field required"):
        api.cells.get("x")


def test_a_list_is_read_to_its_last_page(api, core):
    core.on("GET", "/cells", page(cell("a"), following="c2"), page(cell("b")))
    assert [each.name for each in api.cells.list(pool="p")] == ["a", "b"]
    assert [each.query.get("cursor") for each in core.asked] == [None, "c2"]
    assert core.asked[1].query == {"limit": "500", "cursor": "c2", "pool": "p"}


def test_a_limited_list_asks_for_no_more_than_its_limit(api, core):
    core.on("GET", "/runs", page(run(), run(), following="c2"))
    assert len(list(api.runs.list(limit=2))) == 2
    assert [each.query["limit"] for each in core.asked] == ["2"]


def test_each_post_has_its_own_idempotency_key(api, core):
    core.on("POST", "/pools", Answer(pool(), 201))
    api.pools.create("a")
    api.pools.create("b")
    keys = [each.headers["idempotency-key"] for each in core.asked]
    assert len(set(keys)) == 2


def test_a_post_whose_connection_broke_is_repeated_with_the_same_key(api, core):
    def cut(_asked):
        raise ConnectionAbortedError

    core.on("POST", "/pools", cut, Answer(pool("p"), 201))
    assert api.pools.create("p").name == "p"
    first, second = core.asked
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


def test_a_delete_whose_connection_broke_is_not_repeated(api, core):
    def cut(_asked):
        raise ConnectionAbortedError

    core.on("DELETE", "/pools/p", cut)
    with pytest.raises(CoreUnreachableError):
        api.pools.delete("p")
    assert len(core.asked) == 1


@pytest.mark.parametrize("name", ["{{ x }}", "a?b", "a#b", "100%", "日本", "a b", "$(id)"])
def test_any_legal_name_is_one_segment_of_the_path(api, core, name):
    core.on("GET", f"/cells/{quote(name, safe='')}", cell(name))
    assert api.cells.get(name).name == name


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_change_the_path_is_refused(api, core, name):
    with pytest.raises(InvalidNameError):
        api.instances.get(name)
    assert core.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://core:5870",
        "core:5870",
        "https://",
        "https://u:p@core",
        "https://core:x",
        "https://c?a",
    ],
)
def test_an_address_that_is_no_plain_https_url_is_refused(endpoint, url):
    with pytest.raises(EndpointError, match="cannot be used"):
        CoreApi(replace(endpoint, url=url))


def test_a_missing_or_broken_certificate_file_is_named(endpoint, tmp_path):
    broken = tmp_path / "ca.pem"
    for content in (None, "not a certificate"):
        if content:
            broken.write_text(content)
        with pytest.raises(EndpointError, match=r"ca\.pem"):
            CoreApi(replace(endpoint, ca_file=broken))


def test_the_prefix_may_be_part_of_the_address(endpoint, core):
    core.on("GET", "/status", status())
    with CoreApi(replace(endpoint, url=f"{core.url}/api/v1/")) as api:
        assert api.status().database == "ok"


def test_unknown_members_of_a_newer_core_are_kept(api, core):
    core.on("GET", "/cells/x", cell("x", gpu="yes", state="hibernating"))
    found = api.cells.get("x")
    assert found.state == "hibernating"
    assert found.model_dump()["gpu"] == "yes"
