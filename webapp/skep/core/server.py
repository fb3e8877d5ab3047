"""The serving process: gunicorn with threads and TLS, and clients that may not stall it."""

import errno
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from apiflask import APIFlask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker

from skep.core.app import create_app, start_background, stop_background
from skep.core.config import CoreConfig

_GRACE_S = 5
_PATIENCE_S = 30.0  # between two reads or writes of one client
_KEEPALIVE_S = 30


class CoreServer(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn with one worker process of many threads; the app is made after the fork."""

    def __init__(self, config: CoreConfig, certificate: Path) -> None:
        self._config = config
        self._certificate = certificate
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's settings; nothing comes from its files or the command line."""
        config = self._config
        settings = {
            "bind": f"{config.host}:{config.port}",
            "worker_class": CoreWorker,
            "workers": 1,
            "threads": config.threads,
            "worker_connections": max(1000, 2 * config.threads),
            "certfile": str(self._certificate),
            "keyfile": str(self._certificate.with_name("server.key")),
            "graceful_timeout": _GRACE_S,
            "keepalive": _KEEPALIVE_S,
            "umask": 0o077,
            "limit_request_line": 8190,  # a cursor of 2048 characters, percent-encoded
            "proc_name": "skep-core",
            "loglevel": "warning",
            # Its command channel would be one more way in, and we have no use for it.
            "control_socket_disable": True,
            "ssl_context": _tls_context,
            "post_worker_init": _on_worker_start,
            "worker_exit": _on_worker_exit,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> APIFlask:
        """Make the app, in the worker."""
        return create_app(self._config)


class PatientSocket(socket.socket):
    """A socket that never waits for ever where gunicorn tells it to block."""

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - as in socket
        """Block for so long and no longer."""
        self.settimeout(_PATIENCE_S if flag else 0.0)


class PatientTlsSocket(ssl.SSLSocket):
    """The same with TLS; a client that stalls counts as one that went away."""

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - as in socket
        """Block for so long and no longer."""
        self.settimeout(_PATIENCE_S if flag else 0.0)

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - as in ssl
        """Agree on keys."""
        with _stall_is_a_reset():
            super().do_handshake(block)

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Receive."""
        with _stall_is_a_reset():
            return super().recv(buflen, flags)

    def sendall(self, data: Any, flags: int = 0) -> None:  # noqa: ANN401 - as in ssl
        """Send."""
        with _stall_is_a_reset():
            super().sendall(data, flags)


@contextmanager
def _stall_is_a_reset() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise ConnectionResetError(errno.ECONNRESET, "the client stalled") from error


class CoreWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A gunicorn worker whose event streams end as soon as it is told to stop."""

    def handle(self, conn: Any) -> Any:  # noqa: ANN401 - gunicorn has no types
        """Serve a connection; a client that stalls in the middle gives its thread back."""
        if type(conn.sock) is socket.socket:
            conn.sock = PatientSocket(fileno=conn.sock.detach())
        return super().handle(conn)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Close the streams; otherwise stopping waits `graceful_timeout` for them."""
        self.wsgi.extensions["skep_events"].close()
        super().handle_exit(sig, frame)


def _tls_context(_config: object, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    context = default()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = PatientTlsSocket
    return context


def _on_worker_start(worker: CoreWorker) -> None:
    start_background(worker.wsgi)


def _on_worker_exit(_server: object, worker: CoreWorker) -> None:
    if getattr(worker, "wsgi", None) is not None:
        stop_background(worker.wsgi)
