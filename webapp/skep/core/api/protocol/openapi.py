"""The OpenAPI document: what the framework leaves out, so that generated clients can trust it."""

import json
from typing import Any

from apiflask import APIFlask
from flask import Request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import BadRequest

from skep.core.api.protocol.auth import SECURITY_SCHEMES
from skep.core.api.protocol.problems import MEDIA_TYPE
from skep.core.api.schemas.problems import Problem

JSON_BODY_MAX_BYTES = 2**20
# An operation says by this extension that its body is a stream of this media type.
RAW_BODY = "x-skep-body"
# And by this one that it also answers with text of this media type, if Accept asks for it.
OTHER_ANSWER = "x-skep-answer"
_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_REF = {"$ref": "#/components/schemas/Problem"}
_PUBLIC_PATHS = frozenset({"/api/v1/healthz", "/healthz"})
_ALWAYS = {
    "401": "No valid token; code bad_token.",
    "default": "Any other refusal; `code` says which.",
}


class StrictJson(DefaultJSONProvider):
    """JSON as RFC 8259 has it: no NaN, no nesting that exhausts the stack."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:  # noqa: ANN401 - as in Flask
        """Parse; ValueError if it is not JSON."""
        try:
            return json.loads(s, parse_constant=_refuse_constant, **kwargs)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


class JsonRequest(Request):
    """A request whose broken JSON is named as such."""

    def on_json_loading_failure(self, e: ValueError | None) -> Any:  # noqa: ANN401, ARG002 - as in Flask
        """Refuse the body."""
        raise BadRequest("the body is not valid JSON")


def configure_openapi(app: APIFlask) -> None:
    """Set the document's frame and complete it whenever it is made."""
    app.json_provider_class = StrictJson
    app.json = StrictJson(app)
    app.request_class = JsonRequest
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        AUTO_SERVERS=False,
        AUTO_404_RESPONSE=False,
        AUTO_OPERATION_ID=True,
        SECURITY_SCHEMES=SECURITY_SCHEMES,
        VALIDATION_ERROR_STATUS_CODE=422,
        VALIDATION_ERROR_SCHEMA={"type": "object"},
        HTTP_ERROR_SCHEMA={"type": "object"},
        MAX_CONTENT_LENGTH=JSON_BODY_MAX_BYTES,
    )
    app.description = (
        "The REST API of a Skep Core. Changes answer 202 and name the run that makes them."
    )
    app.spec_processor(_complete)


def _complete(spec: dict[str, Any] | str) -> dict[str, Any] | str:
    if isinstance(spec, str):
        raise TypeError("the document is made as JSON only")
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/Problem.{model}")
    schemas.update({f"Problem.{name}": each for name, each in problem.pop("$defs", {}).items()})
    schemas["Problem"] = problem
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            if method in _METHODS:
                _complete_operation(path, operation)
    return spec


def _complete_operation(path: str, operation: dict[str, Any]) -> None:
    public = path in _PUBLIC_PATHS
    operation["security"] = [] if public else [{"bearer": []}]
    raw = operation.pop(RAW_BODY, None)
    if raw is not None:
        schema = {"type": "string", "format": "binary"}
        operation["requestBody"] = {"content": {raw: {"schema": schema}}}
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
    responses = operation["responses"]
    other = operation.pop(OTHER_ANSWER, None)
    if other is not None:
        responses["200"]["content"][other] = {"schema": {"type": "string"}}
    if not public:
        for status, description in _ALWAYS.items():
            responses.setdefault(status, {"description": description})
    for status, response in responses.items():
        if status == "default" or status.startswith(("4", "5")):
            response["content"] = {MEDIA_TYPE: {"schema": _REF}}


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
