"""HTTPS to the Core: pinned trust, bearer token, time limits, problems as typed errors."""

import ssl
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import requests
from pydantic import BaseModel, ConfigDict, ValidationError
from requests.adapters import HTTPAdapter

from skep import __version__
from skep.client.errors import (
    CertificateError,
    CoreUnreachableError,
    EndpointError,
    UnexpectedAnswerError,
    problem_of,
)
from skep.domain.errors import InvalidNameError

PREFIX = "/api/v1"
PAGE_ITEMS = 500
# Bigger pieces than http.client's 16 KiB make an upload cheaper.
_SEND_BYTES = 256 * 1024

Query = Mapping[str, str | int | None]


class Model(BaseModel):
    """Base of what the Core returns. Unknown members are kept: a newer Core may tell more."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)


AnyModel = TypeVar("AnyModel", bound=Model)


@dataclass(frozen=True)
class Endpoint:
    """Where the Core is, how to prove who asks, and whom to trust.

    `ca_file` holds the certificate authority or the Core's own certificate, PEM; without it the
    system's authorities decide. Time limits are seconds without any progress.
    """

    url: str
    token: str = field(repr=False)
    ca_file: Path | None = None
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 30.0

    def patient(self, timeout_s: float) -> "Endpoint":
        """Return the same endpoint with both time limits set."""
        return replace(self, connect_timeout_s=timeout_s, read_timeout_s=timeout_s)


class Transport:
    """One session with the Core. Not for use by two threads at once; close it after use."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.url = _checked_url(endpoint.url)
        self.context = _trust(endpoint.ca_file)
        self._session = requests.Session()
        # Neither a proxy nor ~/.netrc nor REQUESTS_CA_BUNDLE may redirect or replace our trust.
        self._session.trust_env = False
        self._session.mount("https://", _PinnedAdapter(self.context))
        self._session.headers["User-Agent"] = f"skep/{__version__}"
        self._session.headers["Authorization"] = f"Bearer {endpoint.token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def get(self, path: str, query: Query | None = None, *, timeout_s: float | None = None) -> Any:  # noqa: ANN401 - JSON; the models say what it has to be
        """Return the JSON of an object or list."""
        with self.request("GET", path, query=query, timeout_s=timeout_s) as response:
            return _json(response, path)

    def items(self, path: str, query: Query, limit: int | None = None) -> Iterator[Any]:
        """Yield each item of a list, page by page, at most `limit`."""
        cursor: str | None = None
        left = limit
        while left is None or left > 0:
            count = PAGE_ITEMS if left is None else min(left, PAGE_ITEMS)
            page = self.get(path, {**query, "limit": count, "cursor": cursor})
            if not isinstance(page, dict) or not isinstance(page.get("items"), list):
                raise UnexpectedAnswerError(path, "a list without items")
            yield from page["items"][:count]
            left = None if left is None else left - len(page["items"])
            cursor = page.get("next")
            if not cursor:
                return

    def post(self, path: str, body: Mapping[str, Any], key: str | None = None) -> Any:  # noqa: ANN401 - JSON
        """Post JSON under an Idempotency-Key, so that a repetition after a cut does no harm."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        with self.request("POST", path, json=dict(body), headers=headers) as response:
            return _json(response, path)

    def patch(self, path: str, changes: Mapping[str, Any], seen: int | None = None) -> Any:  # noqa: ANN401 - JSON
        """Change some members of an object; return the JSON of the answer.

        With the generation that was `seen`, only if nobody changed the object since.
        """
        headers = {} if seen is None else {"If-Match": f'"{seen}"'}
        with self.request("PATCH", path, json=dict(changes), headers=headers) as response:
            return _json(response, path)

    def delete(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Delete an object; return the JSON of the answer, None when it has none."""
        with self.request("DELETE", path) as response:
            return (
                _json(response, path) if response.status_code != requests.codes.no_content else None
            )

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        timeout_s: float | None = None,
        **options: Any,  # noqa: ANN401 - handed to requests
    ) -> requests.Response:
        """Return the answer, its status checked. The caller closes it.

        Raises:
            CoreUnreachableError: no answer, or CertificateError when it cannot be trusted.
            ProblemError: the Core answered with a problem.
        """
        options["params"] = {
            key: value for key, value in (query or {}).items() if value is not None
        }
        options["timeout"] = (
            min(self.endpoint.connect_timeout_s, timeout_s or self.endpoint.connect_timeout_s),
            timeout_s or self.endpoint.read_timeout_s,
        )
        try:
            response = self._send(method, f"{self.url}{PREFIX}{path}", options)
        except requests.RequestException as error:
            raise unreachable(self.url, error) from error
        if not response.ok or response.is_redirect:
            with response:
                raise problem_of(response.status_code, _problem_body(response))
        return response

    def _send(self, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        """Send once; once more if an old connection broke and a repetition is harmless."""
        harmless = method == "GET" or "Idempotency-Key" in options.get("headers", {})
        options = {"allow_redirects": False, **options}
        try:
            return self._session.request(method, url, **options)
        except (requests.exceptions.SSLError, requests.Timeout):
            raise
        except requests.ConnectionError:
            if not harmless:
                raise
            return self._session.request(method, url, **options)


def segment(kind: str, name: str) -> str:
    """Return a name or id as one segment of a path.

    Raises:
        InvalidNameError: `.` and `..` cannot stand in a URL; such an object has its id.
    """
    if name in {"", ".", ".."}:
        raise InvalidNameError(kind, name, "it cannot be part of a URL; use the id")
    return quote(name, safe="")


def read(model: type[AnyModel], data: object, path: str) -> AnyModel:
    """Return the model of what the Core answered, or raise UnexpectedAnswerError."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(each) for each in first["loc"]) or model.__name__
        raise UnexpectedAnswerError(path, f"{where}: {first['msg']}") from error


def unreachable(url: str, error: BaseException) -> CoreUnreachableError:
    """Return our error for one of requests, with the operating system's reason in front."""
    if isinstance(error, (requests.exceptions.SSLError, ssl.SSLError)):
        return CertificateError(url, _reason(error))
    if isinstance(error, (requests.Timeout, TimeoutError)):
        return CoreUnreachableError(url, "no answer in time")
    return CoreUnreachableError(url, _reason(error))


class _PinnedAdapter(HTTPAdapter):
    """Trusts what our TLS context trusts; requests alone would add its own authorities to it."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_maxsize=4)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - as inherited
        options |= {"ssl_context": self._context, "blocksize": _SEND_BYTES}
        super().init_poolmanager(*arguments, **options)

    def cert_verify(self, conn: Any, *_arguments: Any, **_options: Any) -> None:  # noqa: ANN401 - as inherited
        conn.cert_reqs = "CERT_REQUIRED"
        conn.ca_certs = conn.ca_cert_dir = None


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise EndpointError("url", url, str(error)) from error
    if parts.scheme != "https" or not usable or parts.username or parts.query or parts.fragment:
        raise EndpointError("url", url, "it has to look like https://core.example:5870")
    return url.rstrip("/").removesuffix(PREFIX)


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the file only, be it an authority's or the Core's own."""
    if ca_file is None:
        return ssl.create_default_context()
    try:
        context = ssl.create_default_context(cafile=str(ca_file))
    except OSError as error:
        raise EndpointError("ca_file", str(ca_file), _reason(error)) from error
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _reason(error: BaseException) -> str:
    """Return the innermost words of the operating system or of TLS, without object reprs."""
    found, seen = "", set()
    queue: list[object] = [error]
    while queue:
        each = queue.pop(0)
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, ssl.SSLCertVerificationError):
            return str(each.verify_message)
        if isinstance(each, OSError) and each.strerror:
            found = str(each.strerror)
        queue += [getattr(each, "reason", None), each.__cause__, each.__context__, *each.args]
    return found or type(error).__name__


def _json(response: requests.Response, path: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return response.json()
    except requests.RequestException as error:
        raise UnexpectedAnswerError(path, "not JSON; does the address lead to a Core?") from error


def _problem_body(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except requests.RequestException:
        return {}
    return body if isinstance(body, dict) else {}
