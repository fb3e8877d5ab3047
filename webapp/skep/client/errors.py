"""What can go wrong between a client and the Core. Light to import: no requests, no pydantic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from skep.domain.errors import Rejection, SkepError


@dataclass(eq=False)
class CoreUnreachableError(SkepError):
    """No answer came from the Core: refused, timed out, or cut off."""

    code: ClassVar[str] = "core_unreachable"
    template: ClassVar[str] = (
        "the Core at {url} does not answer: {reason}; check the address and that the Core runs"
    )
    url: str
    reason: str


@dataclass(eq=False)
class CertificateError(CoreUnreachableError):
    """Something answered, but not with a certificate that the pinned file vouches for."""

    code: ClassVar[str] = "certificate_refused"
    template: ClassVar[str] = (
        "{url} shows a certificate that is not trusted: {reason}; "
        "compare ca_file with the Core's ca.pem before you replace it"
    )


@dataclass(eq=False)
class EndpointError(SkepError):
    """The address or the certificate file of the Core cannot be used at all."""

    code: ClassVar[str] = "bad_endpoint"
    template: ClassVar[str] = "{what} {value!r} cannot be used: {reason}"
    what: str
    value: str
    reason: str


@dataclass(eq=False)
class UnexpectedAnswerError(SkepError):
    """The Core answered something that this version does not understand."""

    code: ClassVar[str] = "unexpected_answer"
    template: ClassVar[str] = (
        "the Core answered {path} with something this client cannot read: {reason}; "
        "compare the versions with `skep doctor`"
    )
    path: str
    reason: str


@dataclass(eq=False)
class WaitTimeoutError(SkepError):
    """The run goes on, but the time to wait for it is over."""

    code: ClassVar[str] = "wait_timeout"
    template: ClassVar[str] = (
        "run {run_id} is {state} after {timeout_s:g} s; it goes on: `skep run show {run_id} --wait`"
    )
    run_id: str
    state: str
    timeout_s: float


@dataclass(eq=False)
class FileChangedError(SkepError):
    """The file became shorter while it was sent."""

    code: ClassVar[str] = "file_changed"
    template: ClassVar[str] = (
        "{path}: ended at {sent} of {size} bytes; upload it again when it no longer changes"
    )
    path: str
    sent: int
    size: int


@dataclass(eq=False)
class ProblemError(SkepError):
    """An RFC 9457 problem. `problem_code` is what to match on, `members` are its extra members."""

    code: ClassVar[str] = "problem"
    status: int
    problem_code: str
    detail: str
    request_id: str | None = None
    errors: Sequence[Mapping[str, Any]] = ()
    members: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "; ".join([self.detail, *filter(None, map(self._told, self.errors))])

    def _told(self, fault: Mapping[str, Any]) -> str:
        """Return of a fault what the detail does not tell already."""
        pointer, message = str(fault.get("pointer", "")), str(fault.get("message", ""))
        if message not in self.detail:
            return f"{pointer}: {message}"
        return f"at {pointer}" if pointer not in self.detail else ""

    @property
    def rejected(self) -> list[Rejection]:
        """Why each Cell was refused, when the Core found no valid one; otherwise empty."""
        given = self.members.get("rejected")
        entries = given if isinstance(given, list) else []
        return [
            Rejection(*(str(each.get(key, "")) for key in ("cell", "filter", "reason")))
            for each in entries
            if isinstance(each, dict)
        ]


class DeniedError(ProblemError):
    """The token is missing, wrong, or not allowed to do this (401, 403)."""


class MissingError(ProblemError):
    """What was asked for does not exist (404)."""


class RefusedError(ProblemError):
    """The present state does not allow it: a conflict (409) or a failed precondition (412, 428)."""


class InvalidRequestError(ProblemError):
    """The request breaks the API's rules (400, 422)."""


_CLASS_OF_STATUS = {
    400: InvalidRequestError,
    401: DeniedError,
    403: DeniedError,
    404: MissingError,
    409: RefusedError,
    412: RefusedError,
    422: InvalidRequestError,
    428: RefusedError,
}
_STANDARD_MEMBERS = frozenset(
    {"type", "title", "status", "detail", "instance", "code", "errors", "request_id"}
)


def problem_of(status: int, body: Mapping[str, Any]) -> ProblemError:
    """Return the typed error of a problem document; of any other body, what can be told."""
    request_id = body.get("request_id")
    errors = body.get("errors")
    return _CLASS_OF_STATUS.get(status, ProblemError)(
        status=status,
        problem_code=str(body.get("code") or f"http_{status}"),
        detail=str(body.get("detail") or body.get("title") or f"the Core answered HTTP {status}"),
        request_id=str(request_id) if request_id else None,
        errors=[each for each in errors if isinstance(each, dict)]
        if isinstance(errors, list)
        else [],
        members={key: value for key, value in body.items() if key not in _STANDARD_MEMBERS},
    )
