from typing import Any

import pytest

MEDIA = "application/problem+json"


@pytest.fixture
def spec(core) -> dict[str, Any]:
    response = core.client.get("/openapi.json")
    assert response.status_code == 200
    document: dict[str, Any] = response.get_json()
    return document


def _operations(spec: dict[str, Any]):
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_document_is_openapi_3_1_with_the_bearer_scheme(spec):
    assert spec["openapi"].startswith("3.1")
    assert spec["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_every_reference_leads_somewhere(spec):
    def walk(node: Any):
        if isinstance(node, dict):
            if "$ref" in node:
                yield node["$ref"]
            for each in node.values():
                yield from walk(each)
        elif isinstance(node, list):
            for each in node:
                yield from walk(each)

    known = {f"#/components/schemas/{name}" for name in spec["components"]["schemas"]}
    assert set(walk(spec)) - known == set()


def test_all_operations_need_the_token_but_health(spec):
    public = {path for path, _, each in _operations(spec) if each["security"] == []}
    assert public == {"/healthz"}


def test_bodies_are_required_and_refusals_are_problems(spec):
    for path, method, operation in _operations(spec):
        if "requestBody" in operation:
            assert operation["requestBody"]["required"] is True, path
        for status, answer in operation["responses"].items():
            if status == "default" or status[0] in "45":
                assert set(answer["content"]) == {MEDIA}, (path, method, status)
        assert operation["summary"]
        assert operation["operationId"]


def test_the_upload_documents_its_raw_body(spec):
    body = spec["paths"]["/api/v1/images/{image}/content"]["put"]["requestBody"]
    assert set(body["content"]) == {"application/octet-stream"}


def test_every_route_of_the_contract_is_there(spec):
    wanted = {
        "get /api/v1/status",
        "get /api/v1/cells",
        "get /api/v1/cells/{cell}",
        "patch /api/v1/cells/{cell}",
        "post /api/v1/cells/{cell}/accept",
        "post /api/v1/cells/{cell}/enable",
        "post /api/v1/cells/{cell}/disable",
        "post /api/v1/cells/{cell}/refresh",
        "delete /api/v1/cells/{cell}",
        "get /api/v1/pools",
        "get /api/v1/pools/{pool}",
        "post /api/v1/pools",
        "patch /api/v1/pools/{pool}",
        "delete /api/v1/pools/{pool}",
        "get /api/v1/flavors",
        "get /api/v1/flavors/{flavor}",
        "post /api/v1/flavors",
        "patch /api/v1/flavors/{flavor}",
        "delete /api/v1/flavors/{flavor}",
        "get /api/v1/instance-groups",
        "get /api/v1/instance-groups/{group}",
        "post /api/v1/instance-groups",
        "delete /api/v1/instance-groups/{group}",
        "get /api/v1/reservations",
        "get /api/v1/reservations/{reservation}",
        "post /api/v1/reservations",
        "post /api/v1/reservations/{reservation}/cancel",
        "post /api/v1/reservations/{reservation}/retry",
        "post /api/v1/placements",
        "get /api/v1/capacity",
        "get /api/v1/images",
        "get /api/v1/images/{image}",
        "post /api/v1/images",
        "put /api/v1/images/{image}/content",
        "get /api/v1/images/{image}/content",
        "delete /api/v1/images/{image}",
        "get /api/v1/instances",
        "get /api/v1/instances/{instance}",
        "post /api/v1/instances",
        "post /api/v1/instances/start",
        "post /api/v1/instances/stop",
        "post /api/v1/instances/reboot",
        "post /api/v1/instances/delete",
        "post /api/v1/instances/migrate",
        "get /api/v1/instances/{instance}/log",
        "get /api/v1/instances/{instance}/explanation",
        "get /api/v1/runs",
        "get /api/v1/runs/{run}",
        "post /api/v1/runs/{run}/cancel",
        "get /api/v1/events",
        "get /healthz",
    }
    assert {f"{method} {path}" for path, method, _ in _operations(spec)} == wanted


def test_the_status_counts_what_there_is(core):
    core.add_cell("cell-1")
    core.add_cell("cell-2", state="offline")
    said = core.get("/status").get_json()
    assert said["cells"] == {"online": 1, "offline": 1}
    assert said["zone"] == {"name": "nano", "group": "224.0.0.226", "port": 5599}
    assert said["fingerprint"].startswith("SHA256:")
    assert said["discovery"] == {"received": 0, "dropped": {}}
    assert said["database"] == "ok"
