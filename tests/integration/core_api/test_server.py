"""`skep-core` as an operator runs it: its own process, TLS, a real socket."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

REPOSITORY = Path(__file__).parents[3]


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


UP = "the Core is up"


@dataclass
class Server:
    """A Core in a directory, started and stopped by its process id."""

    directory: Path
    port: int = field(default_factory=lambda: _free_port(socket.SOCK_STREAM))
    discovery_port: int = field(default_factory=lambda: _free_port(socket.SOCK_DGRAM))
    process: subprocess.Popen[bytes] | None = None
    token: str = ""

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {
            **kept,
            "PYTHONPATH": str(REPOSITORY / "webapp"),
            "SKEP_CORE_CONFIG": str(self.directory / "none.toml"),
            "SKEP_CORE_STATE_DIR": str(self.directory / "state"),
            "SKEP_CORE_RUN_DIR": str(self.directory / "run"),
            "SKEP_CORE_PROJECT_DIR": str(REPOSITORY),
            "SKEP_CORE_HOST": "127.0.0.1",
            "SKEP_CORE_PORT": str(self.port),
            "SKEP_CORE_THREADS": "16",
            "SKEP_CORE_IMAGE_MAX_BYTES": str(16 * 2**20),
            "SKEP_CORE_INTERFACES": '["lo"]',
            "SKEP_CORE_DOMAIN__NAME": "test",
            "SKEP_CORE_DOMAIN__PORT": str(self.discovery_port),
        }

    @property
    def ca(self) -> str:
        return str(self.directory / "state" / "tls" / "ca.pem")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "skep.core.command", *arguments],
            env=self.environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def start(self) -> None:
        with (self.directory / "log").open("ab") as log:
            before = self.log().count(UP)
            self.process = subprocess.Popen(
                [sys.executable, "-m", "skep.core.command", "serve"],
                env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        # Its own word, not a connection: one that breaks in the handshake would leave a socket.
        deadline = time.monotonic() + 30
        while self.log().count(UP) == before:
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def stop(self) -> float:
        """Stop it, and return how many seconds that took."""
        if self.process is None:
            return 0.0
        begun = time.monotonic()
        self.process.terminate()
        self.process.wait(20)
        self.process = None
        return time.monotonic() - begun

    def kill(self) -> None:
        """Kill master and worker as a power cut would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(5)
        self.process = None

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("timeout", 20)
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        url = f"https://127.0.0.1:{self.port}/api/v1{path}"
        return requests.request(method, url, headers=headers, verify=self.ca, **options)  # noqa: S113 - set above

    def log(self) -> str:
        return (self.directory / "log").read_text()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    done = made.command("init", "--token-file", str(tmp_path / "token"))
    assert done.returncode == 0, done.stderr
    made.token = done.stdout.strip()
    assert made.token.startswith("skep_")
    yield made
    made.stop()


def test_init_is_idempotent_and_keeps_secrets_to_itself(server):
    token_file = server.directory / "token"
    assert token_file.read_text().strip() == server.token
    assert token_file.stat().st_mode & 0o777 == 0o600
    state = server.directory / "state"
    assert state.stat().st_mode & 0o777 == 0o700
    before = {path: path.read_bytes() for path in state.rglob("*.pem")}
    again = server.command("init")
    assert again.returncode == 0, again.stderr
    assert again.stdout == ""
    assert {path: path.read_bytes() for path in before} == before
    for path in state.rglob("*"):
        if path.suffix == ".key" or path.name in {"identity.pem", "id_ed25519"}:
            assert path.stat().st_mode & 0o777 == 0o600, path


def test_tokens_are_made_listed_and_revoked(server):
    assert server.command("token", "create", "ci", "--days", "7").stdout.startswith("skep_")
    assert "ci\t" in server.command("token", "list").stdout
    taken = server.command("token", "create", "ci")
    assert (taken.returncode, taken.stdout) == (1, "")
    assert "exists already" in taken.stderr
    assert server.command("token", "revoke", "ci").returncode == 0
    assert server.command("token", "revoke", "ci").returncode == 1


def test_serving_needs_an_initialised_core(tmp_path):
    done = Server(tmp_path).command("serve")
    assert done.returncode == 1
    assert "skep-core init" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_api_is_served_over_tls_and_stops_in_time(server, good):
    server.start()
    status = server.ask("GET", "/status").json()
    assert status["zone"]["name"] == "test"
    context = ssl.create_default_context(cafile=server.ca)
    with (
        socket.create_connection(("127.0.0.1", server.port)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        assert wrapped.version() in {"TLSv1.2", "TLSv1.3"}
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{server.port}/healthz", timeout=10)
    assert server.ask("GET", "/pools", headers={"Authorization": ""}).status_code == 401
    server.ask("POST", "/images", json={"name": "demo"})
    with good.open("rb") as file:
        shown = server.ask("PUT", "/images/demo/content", data=file).json()
    assert shown["state"] == "ready"
    with server.ask("GET", "/events", stream=True) as stream:
        next(stream.iter_lines(chunk_size=1))
        assert server.stop() < 6
    assert "Traceback" not in server.log()


def test_a_client_hears_why_its_large_upload_is_refused(server):
    server.start()
    server.ask("POST", "/images", json={"name": "demo"})
    refused = server.ask("PUT", "/images/demo/content", data=b"x" * (20 * 2**20))
    assert (refused.status_code, refused.json()["code"]) == (422, "image_too_large")


def test_an_event_reaches_a_stream_over_the_wire_at_once(server):
    server.start()
    with server.ask("GET", "/events", stream=True) as stream:
        lines = stream.iter_lines(chunk_size=1, decode_unicode=True)
        next(lines)
        begun = time.monotonic()
        server.ask("POST", "/pools", json={"name": "fast"})
        data = next(line for line in lines if line.startswith("data: "))
        assert json.loads(data.removeprefix("data: "))["name"] == "fast"
        assert time.monotonic() - begun < 2


def test_another_process_ends_up_in_the_stream_too(server):
    server.start()
    with server.ask("GET", "/events", stream=True) as stream:
        next(stream.iter_lines(chunk_size=1))
        revoked = server.command("token", "revoke", "administrator")
        assert revoked.returncode == 0
        begun = time.monotonic()
        assert all(not line.startswith(b"data") for line in stream.iter_lines(chunk_size=1))
        assert time.monotonic() - begun < 6


def test_a_killed_core_goes_on_where_it_was(server, good):
    server.start()
    server.ask("POST", "/images", json={"name": "demo"})
    with good.open("rb") as file:
        server.ask("PUT", "/images/demo/content", data=file)
    accepted = server.ask("DELETE", "/images/demo")
    server.kill()
    (server.directory / "state" / "images" / "half.part").write_bytes(b"half")
    server.start()
    assert list((server.directory / "state" / "images").iterdir()) == []
    deadline = time.monotonic() + 20
    while (
        state := server.ask("GET", accepted.headers["Location"][7:]).json()["state"]
    ) != "succeeded":
        assert time.monotonic() < deadline, state
        time.sleep(0.2)


def test_a_slow_client_does_not_hold_up_others(server):
    server.start()
    context = ssl.create_default_context(cafile=server.ca)
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
    try:
        with (
            socket.create_connection(("127.0.0.1", server.port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as slow,
        ):
            slow.sendall(b"GET /api/v1/pools HTTP/1.1\r\nHost: x\r\n")
            begun = time.monotonic()
            assert server.ask("GET", "/pools").ok
            assert time.monotonic() - begun < 3
    finally:
        for each in idle:
            each.close()
