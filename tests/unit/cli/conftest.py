import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.unit.client.samples import RUN_ID, outcome, page, run
from tests.unit.client.scripted_core import TOKEN, Answer, Authority, ScriptedCore

from skep.cli.main import cli

Skep = Callable[..., Result]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> Path:
    return authority.issue()


@pytest.fixture
def core(certificate: Path) -> Iterator[ScriptedCore]:
    core = ScriptedCore(certificate)
    core.start()
    yield core
    core.stop()


@pytest.fixture
def environment(core: ScriptedCore, authority: Authority, tmp_path: Path) -> dict[str, str | None]:
    return {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": None,
        "SKEP_URL": core.url,
        "SKEP_TOKEN": TOKEN,
        "SKEP_CA_FILE": str(authority.file),
        "NO_COLOR": None,
        "TERM": "xterm",
    }


@pytest.fixture
def skep(environment: dict[str, str | None]) -> Skep:
    """Run the command line in this process; `env` changes the environment."""

    def invoke(*arguments: str, env: dict[str, str | None] | None = None, **more) -> Result:
        surroundings = {**environment, **(env or {})}
        return CliRunner().invoke(cli, arguments, prog_name="skep", env=surroundings, **more)

    return invoke


@pytest.fixture
def process(
    environment: dict[str, str | None],
) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start the command line as a process of its own, which does not outlive the test."""
    started = []

    def start(*arguments: str, env: dict[str, str] | None = None, **more):
        surroundings = {key: value for key, value in environment.items() if value is not None}
        surroundings |= {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
        code = "from skep.cli.main import main; main()"
        command = [sys.executable, "-c", code, *arguments]
        started.append(subprocess.Popen(command, env=surroundings | (env or {}), **more))
        return started[-1]

    yield start
    for each in started:
        if each.poll() is None:
            each.kill()
            each.wait()


@pytest.fixture
def accepts(core: ScriptedCore) -> Callable[..., None]:
    """Script a change that is accepted, whose run then succeeds with these outcomes."""

    def script(method: str, path: str, *outcomes: dict, state: str = "succeeded") -> None:
        core.on(method, path, Answer({"run": run("queued")}, 202))
        core.on("GET", f"/runs/{RUN_ID}", run(state, *(outcomes or [outcome()])))

    return script


@pytest.fixture
def lists(core: ScriptedCore) -> Callable[..., None]:
    """Script a list of one page."""
    return lambda path, *items: core.on("GET", path, page(*items))
