"""What happens in the Core, as it happens: server-sent events, resumable."""

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import requests

from skep.client.errors import UnexpectedAnswerError
from skep.client.transport import Transport, unreachable

PATH = "/events"


@dataclass(frozen=True)
class Event:
    """One event. `kind` is run, outcome, instance, cell, image or pool; `data` is that object.

    `reset` tells that events were missed: read again. An empty kind only tells the position.
    """

    id: int | None
    kind: str
    data: dict[str, Any]


class Events:
    """The Core's event stream."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def stream(
        self, *, run: str | None = None, after: int | None = None, quiet_s: float = 15.0
    ) -> Generator[Event | None]:
        """Yield events later than `after`; None when the stream opened and at each sign of life.

        Ends when the Core ends the stream. Close the generator to hang up.

        Raises:
            CoreUnreachableError: cut off, or not a byte for `quiet_s` seconds.
        """
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        with self._transport.request(
            "GET", PATH, query={"run": run}, timeout_s=quiet_s, headers=headers, stream=True
        ) as response:
            yield None
            try:
                yield from _events(_lines(response))
            except requests.RequestException as error:
                raise unreachable(self._transport.url, error) from error


def _lines(response: requests.Response) -> Iterator[str]:
    """Yield lines at once: by HTTP chunk, or by byte where the answer has no chunks."""
    size = None if getattr(response.raw, "chunked", False) else 1
    for line in response.iter_lines(chunk_size=size):
        yield line.decode("utf-8", "replace")


def _events(lines: Iterator[str]) -> Iterator[Event | None]:
    fields: dict[str, str] = {}
    for line in lines:
        if not line:
            if "data" in fields or "id" in fields:
                yield _event(fields)
            fields = {}
        elif line.startswith(":"):
            yield None
        else:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = (
                f"{fields[name]}\n{value}" if name == "data" and name in fields else value
            )


def _event(fields: dict[str, str]) -> Event:
    number = fields.get("id", "")
    kind = fields.get("event", "message") if "data" in fields else ""
    try:
        data = json.loads(fields.get("data", "{}"))
    except ValueError as error:
        raise UnexpectedAnswerError(PATH, "event data that is not JSON") from error
    return Event(
        id=int(number) if number.isascii() and number.isdigit() else None,
        kind=kind,
        data=data if isinstance(data, dict) else {},
    )
