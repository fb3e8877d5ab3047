import importlib
import pathlib
import pkgutil

import pytest

import skep
from skep.core.api.protocol.problems import STATUS
from skep.core.services import pools
from skep.domain.errors import InUseError, NotFoundError, SkepError

_CLIENT_SIDE = ("skep.cli", "skep.client", "skep.cell", "skep.frontend")
_KINDS = ("cell", "flavor", "image", "instance", "instance group", "pool", "reservation", "run")
_USED = ("cell", "image", "instance group", "pool")


def _leaves(base: type[SkepError]) -> set[type[SkepError]]:
    below = base.__subclasses__()
    return {base}.union(*map(_leaves, below)) if below else {base}


def test_every_error_of_the_core_has_a_status():
    for module in pkgutil.walk_packages(skep.__path__, "skep."):
        if not module.name.startswith((*_CLIENT_SIDE, "skep.core.store.migrations")):
            importlib.import_module(module.name)
    leaves = _leaves(SkepError) - {SkepError, NotFoundError, InUseError}
    codes = {each.code for each in leaves if not each.__module__.startswith(_CLIENT_SIDE)}
    codes |= {NotFoundError(kind, "x").problem_code for kind in _KINDS}
    codes |= {InUseError(kind, "x", 1, "y").problem_code for kind in _USED}
    assert codes - STATUS.keys() == set()


def test_every_code_is_in_the_manual():
    manual = (pathlib.Path(__file__).parents[4] / "docs" / "api.md").read_text()
    unreachable = {"token_not_found"}  # tokens are managed on the Core's host
    missing = {code for code in STATUS if f"`{code}`" not in manual}
    assert missing == unreachable


def test_an_unknown_path_is_not_found(core, expect_problem):
    expect_problem(core.get("/nothing"), 404, "not_found")


def test_a_wrong_method_names_the_right_ones(core, expect_problem):
    response = core.ask("PATCH", "/pools")
    expect_problem(response, 405, "method_not_allowed")
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/cells/none", "cell_not_found"),
        ("/images/none", "image_not_found"),
        ("/instances/none", "instance_not_found"),
        ("/pools/none", "pool_not_found"),
        ("/runs/none", "run_not_found"),
    ],
)
def test_what_does_not_exist_has_its_own_code(core, expect_problem, path: str, code: str):
    body = expect_problem(core.get(path), 404, code)
    assert body["type"] == f"urn:skep:problem:{code}"
    assert "none" in body["detail"]


def test_validation_points_at_each_fault(core, expect_problem):
    body = expect_problem(
        core.post("/instances", {"name": "a", "cores": 0, "typo": 1}), 422, "validation"
    )
    assert {each["pointer"] for each in body["errors"]} == {"/image", "/cores", "/typo"}
    assert all(each["code"] and each["message"] for each in body["errors"])


def test_validation_points_into_lists(core, expect_problem):
    body = expect_problem(core.post("/instances/start", {"instances": ["a", 7]}), 422, "validation")
    assert [each["pointer"] for each in body["errors"]] == ["/instances/1"]


def test_validation_of_a_query_names_the_parameter(core, expect_problem):
    body = expect_problem(core.get("/pools?limit=501&colour=red"), 422, "validation")
    assert {each["pointer"] for each in body["errors"]} == {"?limit", "?colour"}


def test_a_name_taken_is_a_conflict(core, expect_problem):
    expect_problem(core.post("/pools", {"name": "default"}), 409, "name_taken")


def test_an_illegal_name_points_at_the_name(core, expect_problem):
    body = expect_problem(core.post("/pools", {"name": "../etc"}), 422, "invalid_name")
    assert body["errors"][0]["pointer"] == "/name"


def test_no_valid_cell_carries_the_rejections(core, expect_problem):
    core.add_cell("cell-1", memory_mib=256)
    core.add_image("demo")
    body = expect_problem(
        core.post("/instances", {"name": "a", "image": "demo", "memory_mib": 8192}),
        409,
        "no_valid_cell",
    )
    assert [set(each) for each in body["rejected"]] == [{"cell", "filter", "reason"}]
    assert body["rejected"][0]["cell"] == "cell-1"


def test_an_unexpected_error_says_nothing_about_the_inside(core, expect_problem, monkeypatch):
    def explode(*_arguments: object) -> None:
        raise RuntimeError("SELECT secret FROM /var/lib/skep")

    monkeypatch.setattr(pools, "list_pools", explode)
    response = core.get("/pools")
    expect_problem(response, 500, "internal_error")
    text = response.get_data(as_text=True)
    assert "secret" not in text
    assert "Traceback" not in text


def test_a_request_id_is_taken_over_if_it_is_harmless(core):
    response = core.get("/pools", headers={"X-Request-Id": "abc-123"})
    assert response.headers["X-Request-Id"] == "abc-123"
    response = core.get("/pools", headers={"X-Request-Id": "a b<script>"})
    assert "script" not in response.headers["X-Request-Id"]


def test_every_answer_carries_the_security_headers(core):
    for response in (core.get("/pools"), core.get("/nothing"), core.client.get("/healthz")):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in response.headers
