"""One ansible-runner invocation: the only place that imports ansible_runner."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible_runner

from skep.core.runner.inventory import Host, SshAccess, build_inventory, known_hosts
from skep.core.runner.results import TaskResult, task_result

# ansible-runner looks at cancel and time limits this often; its default of 5 s is a long wait.
_SETTINGS = {"pexpect_timeout": 0.2, "suppress_ansible_output": True}
# Never handed to Ansible: they change how Python on the Core starts.
_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_SCRUBBED = ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME")


@dataclass(frozen=True)
class PlaybookRun:
    """What to run, on which Cells, for how long at most."""

    id: str
    playbook: str
    hosts: Sequence[Host]
    timeout_s: int = 1800


@dataclass(frozen=True)
class RunnerPaths:
    """Where runs live: `run_dir` holds one private folder per run, removed at its end."""

    project_dir: Path
    run_dir: Path
    control_dir: Path
    key_file: Path
    user: str


@dataclass(frozen=True)
class PlaybookEnd:
    """How the invocation ended: ansible-runner's status, and its last words if it never ran."""

    status: str
    output: str


def run_playbook(
    run: PlaybookRun,
    paths: RunnerPaths,
    on_result: Callable[[TaskResult], None],
    is_canceled: Callable[[], bool],
) -> PlaybookEnd:
    """Run the playbook and hand over each task's result as it arrives.

    Args:
        run: playbook (a file name in the project's playbooks folder) and Cells with their data.
        paths: where the project is and where runs may write.
        on_result: called in the reading thread; must be quick.
        is_canceled: asked several times a second; true ends the run.
    """
    private = paths.run_dir / run.id
    shutil.rmtree(private, ignore_errors=True)
    try:
        _write_private(private, run, paths)
        end = ansible_runner.run(
            private_data_dir=str(private),
            project_dir=str(paths.project_dir),
            playbook=f"playbooks/{run.playbook}.yml",
            inventory=str(private / "hosts.json"),
            ident="run",
            envvars=_environment(paths),
            quiet=True,
            timeout=run.timeout_s,
            cancel_callback=is_canceled,
            event_handler=_handler(on_result),
            suppress_env_files=True,
        )
        return PlaybookEnd(end.status, _last_words(end))
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _write_private(private: Path, run: PlaybookRun, paths: RunnerPaths) -> None:
    paths.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths.control_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    private.mkdir(mode=0o700)
    (private / "env").mkdir(mode=0o700)
    # Settings given to run() are ignored unless this file exists.
    (private / "env" / "settings").write_text(json.dumps(_SETTINGS))
    access = SshAccess(
        user=paths.user,
        key_file=paths.key_file,
        known_hosts_file=private / "known_hosts",
    )
    access.known_hosts_file.write_text(known_hosts(run.hosts))
    (private / "hosts.json").write_text(json.dumps(build_inventory(run.hosts, access)))


def _environment(paths: RunnerPaths) -> dict[str, str]:
    scrubbed = dict.fromkeys(_SCRUBBED, "")
    return scrubbed | {
        "ANSIBLE_CONFIG": str(paths.project_dir / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(paths.project_dir / "collections"),
        "ANSIBLE_ROLES_PATH": str(paths.project_dir / "roles"),
        "ANSIBLE_INVENTORY_ENABLED": "yaml",
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(paths.control_dir),
        "ANSIBLE_DIFF_ALWAYS": "True",
        "ANSIBLE_LOCAL_TEMP": str(paths.run_dir / "tmp"),
        "ANSIBLE_HOME": str(paths.run_dir / "home"),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), *_PATH)),
    }


def _handler(on_result: Callable[[TaskResult], None]) -> Callable[[dict[str, Any]], bool]:
    def handle(event: dict[str, Any]) -> bool:
        result = task_result(event)
        if result is not None:
            on_result(result)
        return False  # nothing of the event is kept on disk

    return handle


def _last_words(end: Any) -> str:  # noqa: ANN401 - ansible_runner has no types
    try:
        with end.stdout as stream:
            return str(stream.read())[-2000:]
    except (OSError, ansible_runner.AnsibleRunnerException):
        return ""
