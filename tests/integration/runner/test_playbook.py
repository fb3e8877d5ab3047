import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from skep.core.runner.inventory import Host
from skep.core.runner.playbook import PlaybookRun, RunnerPaths, run_playbook
from skep.core.runner.results import TaskResult

NAMED = {"skep_domains": [{"name": "x"}]}
HOSTILE = "{{ lookup('pipe','touch /tmp/skep-owned') }}"
PLAYBOOKS = {
    "show": """
- hosts: cells
  gather_facts: false
  become: false
  tasks:
    - name: Show
      ansible.builtin.command:
        argv: [printf, "%s", "{{ skep_domains[0].name }}"]
      changed_when: false
""",
    "sleep": """
- hosts: cells
  gather_facts: false
  become: false
  tasks:
    - name: Sleep
      ansible.builtin.command: sleep 60
""",
}


@pytest.fixture
def paths(tmp_path: Path) -> RunnerPaths:
    project = tmp_path / "project"
    (project / "playbooks").mkdir(parents=True)
    for name, text in PLAYBOOKS.items():
        (project / "playbooks" / f"{name}.yml").write_text(text)
    (project / "ansible.cfg").write_text("[defaults]\n")
    return RunnerPaths(project, tmp_path / "runs", tmp_path / "cp", tmp_path / "key", "skep")


def local(**variables: object) -> Host:
    return Host("cell1", None, None, (), {"ansible_become": False, **variables})


def test_a_template_in_a_users_value_is_shown_and_not_executed(paths: RunnerPaths) -> None:
    owned = Path("/tmp/skep-owned")  # noqa: S108 - what the hostile value would make
    owned.unlink(missing_ok=True)
    results: list[TaskResult] = []
    run = PlaybookRun("r1", "show", [local(skep_domains=[{"name": HOSTILE}])])
    end = run_playbook(run, paths, results.append, lambda: False)
    assert end.status == "successful", end.output
    assert results[-1].data["stdout"] == HOSTILE
    assert not owned.exists()


def test_a_run_leaves_no_file_behind(paths: RunnerPaths) -> None:
    run = PlaybookRun("r1", "show", [local(**NAMED)])
    run_playbook(run, paths, lambda _result: None, lambda: False)
    assert not (paths.run_dir / "r1").exists()


def test_a_cancelled_run_ends_within_seconds(paths: RunnerPaths) -> None:
    flag = threading.Event()
    threading.Timer(2.0, flag.set).start()
    before = time.monotonic()
    run = PlaybookRun("r1", "sleep", [local()])
    end = run_playbook(run, paths, lambda _result: None, flag.is_set)
    assert end.status == "canceled"
    assert time.monotonic() - before < 30


def test_the_time_limit_ends_a_run(paths: RunnerPaths) -> None:
    run = PlaybookRun("r1", "sleep", [local()], timeout_s=2)
    assert run_playbook(run, paths, lambda _result: None, lambda: False).status == "timeout"


def test_an_unreachable_cell_is_told(paths: RunnerPaths) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed_port = free.getsockname()[1]
    assert shutil.which("ssh-keygen")
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(paths.key_file)], check=True
    )
    host = Host(
        "cell1", "127.0.0.1", "ssh-ed25519 AAAA", (), {"ansible_port": closed_port, **NAMED}
    )
    results: list[TaskResult] = []
    run_playbook(PlaybookRun("r1", "show", [host]), paths, results.append, lambda: False)
    assert results[-1].unreachable
    assert results[-1].code == "cell_unreachable"
