import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_PROGRAMS = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """Run a private PostgreSQL on a socket in a folder of its own; return its database's URL."""
    owner = pwd.getpwnam("postgres")
    # A short path: the socket's name must fit into 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="skep-pg-"))
    shutil.chown(folder, owner.pw_uid, owner.pw_gid)
    data = folder / "data"
    account = {"user": owner.pw_uid, "group": owner.pw_gid, "cwd": folder}
    initdb = [_PROGRAMS / "initdb", "-D", data, "-A", "trust", "-U", "skep", "--no-sync"]
    subprocess.run(initdb, check=True, capture_output=True, **account)
    arguments = ["-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [_PROGRAMS / "postgres", *arguments], stdout=log, stderr=log, **account
        )
    try:
        _wait_until_ready(folder, server)
        yield f"postgresql+psycopg://skep@/postgres?host={folder}"
    finally:
        server.terminate()
        server.wait(timeout=60)
        shutil.rmtree(folder)


def _wait_until_ready(folder: Path, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    ready = [_PROGRAMS / "pg_isready", "-q", "-h", folder, "-U", "skep"]
    while subprocess.run(ready, check=False).returncode != 0:
        assert server.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.1)
