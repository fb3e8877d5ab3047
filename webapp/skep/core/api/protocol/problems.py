"""Errors as RFC 9457 problems: one table from code to status, nothing internal to the client."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import structlog
from apiflask import APIFlask, HTTPError
from flask import Response, g
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RoutingException

from skep.core.scheduler import QueryError
from skep.core.scheduler.policy import UnknownPolicyError
from skep.core.store.paging import InvalidPageError
from skep.domain.errors import InvalidNameError, NoValidCellError, SkepError

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
VALIDATION = "validation"
_DETAIL_MAX = 4000
_MESSAGE_MAX = 300

STATUS = {
    "bad_ticket": 401,
    "bad_token": 401,
    "cell_not_found": 404,
    "flavor_not_found": 404,
    "image_not_found": 404,
    "instance_group_not_found": 404,
    "instance_not_found": 404,
    "pool_not_found": 404,
    "reservation_not_found": 404,
    "run_not_found": 404,
    "token_not_found": 404,
    "not_in_plan": 404,
    "unknown_cell": 404,
    "ambiguous_name": 409,
    "cell_has_instances": 409,
    "image_in_use": 409,
    "instance_busy": 409,
    "instance_group_in_use": 409,
    "invalid_state": 409,
    "name_taken": 409,
    "no_valid_cell": 409,
    "not_replayable": 409,
    "placement_conflict": 409,
    "pool_in_use": 409,
    "same_cell": 409,
    "request_in_flight": 409,
    "upload_busy": 409,
    "length_required": 411,
    "generation_conflict": 412,
    "image_too_large": 422,
    "idempotency_key_reused": 422,
    "invalid_idempotency_key": 422,
    "invalid_name": 422,
    "invalid_page": 422,
    "invalid_query": 422,
    "not_an_image": 422,
    "unknown_policy": 422,
    "unsafe_image": 422,
    "upload_incomplete": 422,
    VALIDATION: 422,
    "bad_extension": 500,
    "cell_failed": 502,
    "too_many_streams": 503,
    "image_store_full": 507,
}
_HTTP_CODES = {
    400: "bad_request",
    401: "bad_token",
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
}
# RFC 9110 allows several challenges; a client that knows none shows the first.
_EXTRA_HEADERS = {
    401: {"WWW-Authenticate": 'Bearer realm="skep"'},
    503: {"Retry-After": "5"},
}


@contextmanager
def below(pointer: str) -> Iterator[None]:
    """Let what is refused inside point below this place of the body."""
    try:
        yield
    except SkepError:
        g.problem_place = pointer
        raise


def register_problems(app: APIFlask) -> None:
    """Answer every error of this app with a problem."""
    app.register_error_handler(SkepError, _on_skep_error)
    app.register_error_handler(HTTPError, _on_api_error)
    app.register_error_handler(HTTPException, _on_http_error)
    app.register_error_handler(Exception, _on_unknown_error)


def problem(
    status: int, code: str, detail: str, extra: Mapping[str, Any] | None = None
) -> Response:
    """Return a problem; `type` names the code, since clients match on nothing else."""
    body = {
        "type": f"urn:skep:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail[:_DETAIL_MAX],
        "code": code,
        "errors": [],
        "request_id": g.get("request_id", ""),
        **(extra or {}),
    }
    response = Response(json.dumps(body), status, mimetype=MEDIA_TYPE)
    response.headers.update(_EXTRA_HEADERS.get(status, {}))
    return response


def code_of(error: SkepError) -> str:
    """Return the code that clients match on."""
    return str(getattr(error, "problem_code", error.code))


def _on_skep_error(error: SkepError) -> Response:
    code = code_of(error)
    if code not in STATUS:
        return _on_unknown_error(error)
    return problem(STATUS[code], code, str(error), _extra(error))


def _extra(error: SkepError) -> dict[str, Any]:
    place = str(g.pop("problem_place", ""))
    if isinstance(error, InvalidNameError):
        return {"errors": [_fault(f"{place}/name", error.code, error.rule)]}
    if isinstance(error, QueryError):
        pointer = f"{place}/query{error.pointer}"
        return {"errors": [_fault(pointer, error.code, error.problem[:_MESSAGE_MAX])]}
    if isinstance(error, UnknownPolicyError):
        pointer = "/policy" if error.kind == "policy" else _pointer(("multipliers", error.name))
        return {"errors": [_fault(pointer, error.code, f"there are: {error.known}")]}
    if isinstance(error, InvalidPageError):
        return {"errors": [_fault(f"?{error.field}", error.code, error.rule)]}
    if isinstance(error, NoValidCellError):
        return {"rejected": [vars(each) for each in error.rejections]}
    return {}


def _on_api_error(error: HTTPError) -> Response:
    """Answer what the framework refused; a failed validation names each fault's place."""
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        location = next(iter(error.detail), "json")
        faults = [_fault_of(each, location) for each in cause.errors(include_url=False)]
        detail = "; ".join(f"{each['pointer']}: {each['message']}" for each in faults)
        return problem(STATUS[VALIDATION], VALIDATION, detail, {"errors": faults})
    return _plain(error.status_code, str(error.message))


def _on_http_error(error: HTTPException) -> Response | HTTPException:
    if isinstance(error, RoutingException):
        return error  # a redirect, no error
    response = _plain(error.code or HTTPStatus.INTERNAL_SERVER_ERROR, error.description or "")
    for name, value in error.get_headers():
        if name not in {"Content-Type", "Content-Length"}:
            response.headers[name] = value
    return response


def _on_unknown_error(error: Exception) -> Response:
    log.error("request failed", request_id=g.get("request_id"), exc_info=error)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        "the Core failed to answer; its log says why, under this request_id",
    )


def _plain(status: int, detail: str) -> Response:
    phrase = HTTPStatus(status).phrase
    code = _HTTP_CODES.get(status, phrase.lower().replace(" ", "_").replace("-", "_"))
    return problem(status, code, detail or phrase)


def _fault_of(fault: Mapping[str, Any], location: str) -> dict[str, str]:
    if location == "json":
        pointer = _pointer(fault["loc"])
    else:
        pointer = "?" + ".".join(str(part) for part in fault["loc"])
    return _fault(pointer, str(fault["type"]), str(fault["msg"])[:_MESSAGE_MAX])


def _pointer(parts: Sequence[str | int]) -> str:
    """Return the RFC 6901 pointer; a hostile key cannot make it long."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1")[:64] for part in parts)


def _fault(pointer: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "message": message}
