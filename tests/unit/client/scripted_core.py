"""A Core that answers over real HTTPS what a test told it to, and remembers what it was asked."""

import datetime as dt
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TOKEN = "skep_test_token"  # noqa: S105 - of a scripted Core


@dataclass
class Asked:
    """One request that arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """One scripted answer. `write` takes over after the headers, for streams."""

    body: object = None
    status: int = 200
    kind: str = "application/json"
    write: Callable[["Stream"], None] | None = None
    chunked: bool = True


@dataclass
class Stream:
    """The open body of a streamed answer."""

    handler: BaseHTTPRequestHandler
    chunked: bool

    def send(self, text: str) -> None:
        data = text.encode()
        if self.chunked:
            data = f"{len(data):x}\r\n".encode() + data + b"\r\n"
        self.handler.wfile.write(data)
        self.handler.wfile.flush()

    def event(self, number: int, kind: str, data: object) -> None:
        self.send(f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n")

    def end(self) -> None:
        self.handler.wfile.write(b"0\r\n\r\n")


Script = Answer | Callable[[Asked], Answer]


@dataclass
class ScriptedCore:
    """Answers in the order they were scripted; the last one of a path is repeated."""

    certificate: Path
    port: int = 0
    scripts: dict[tuple[str, str], list[Script]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    checks_token: bool = True

    def on(self, method: str, path: str, *scripts: Script | dict | list) -> None:
        self.scripts[method, f"/api/v1{path}"] = [
            Answer(each) if isinstance(each, dict | list) else each for each in scripts
        ]

    def last(self, method: str) -> Asked:
        return [each for each in self.asked if each.method == method][-1]

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.core = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if self.checks_token and asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem(401, "bad_token", "the token is not valid")
        scripts = self.scripts.get((asked.method, asked.path), [])
        if not scripts:
            return problem(404, "not_found", f"nothing at {asked.method} {asked.path}")
        script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        return script(asked) if callable(script) else script


def problem(status: int, code: str, detail: str, **members: object) -> Answer:
    body = {"type": "about:blank", "title": "Problem", "status": status, "detail": detail}
    body |= {"code": code, "errors": [], "request_id": "req-1", **members}
    return Answer(body, status, "application/problem+json")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    core: ScriptedCore

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up, or refuses our certificate, is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        headers = {key.lower(): value for key, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        asked = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
        answer = self.server.core.answer(asked)
        self.send_response(answer.status)
        if answer.write is not None:
            self.send_header("Content-Type", "text/event-stream")
            if answer.chunked:
                self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            answer.write(Stream(self, answer.chunked))
            self.close_connection = True
            return
        raw = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_header("Content-Type", answer.kind)
        if answer.status in {301, 302, 307}:
            self.send_header("Location", "https://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", str(0 if answer.status == 204 else len(raw)))
        self.end_headers()
        if answer.status != 204:
            self.wfile.write(raw)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names


@dataclass
class Authority:
    """A certificate authority and what it issued: PEM files of one test session."""

    folder: Path

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        usage = x509.BasicConstraints(ca=True, path_length=0)
        made = _builder(self._name, self._name, self._key, 3650).add_extension(usage, critical=True)
        self.file = self.folder / "ca.pem"
        self.file.write_bytes(_pem(made.sign(self._key, hashes.SHA256())))

    def issue(self, days: int = 90) -> Path:
        """Return a PEM file with key and certificate of 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "core")])
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = _builder(subject, self._name, key, days).add_extension(names, critical=False)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path = self.folder / f"server-{days}.pem"
        path.write_bytes(private + _pem(made.sign(self._key, hashes.SHA256())))
        return path


def _builder(subject: x509.Name, issuer: x509.Name, key: Any, days: int) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days, hours=1))
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
