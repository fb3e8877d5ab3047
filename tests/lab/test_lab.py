"""The lab keeps its promises: real hosts, real faults, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.lab import Lab, LabError
from tests.lab.ground import record as records
from tests.lab.ground.processes import Identity

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="a lab needs root"),
]

ROOT = Path(__file__).parents[2]
SEND = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
s.sendto(sys.argv[1].encode(), ("224.0.0.226", 5599))
"""
RECEIVE = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 5599))
group = socket.inet_aton("224.0.0.226") + bytes(4)
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
print("listening", flush=True)
s.settimeout(3)
print(*s.recvfrom(100), flush=True)
"""


@pytest.fixture(scope="module")
def lab():
    with Lab.up(cells=2) as made:
        yield made


def heard_by(cell, sender, word):
    """What cell receives while sender announces word; empty when it receives nothing."""
    argv = [*cell.ssh_command(), "--", f"exec python3 -u -c '{RECEIVE}'"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as listener:
        assert listener.stdout.readline() == b"listening\n"
        sender.ssh(["python3", "-c", SEND, word])
        return listener.communicate()[0].decode()


def traces():
    """Everything that a lab could leave on this host."""
    mounts = {line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()}
    ours = {mount for mount in mounts if "skep" in mount or "netns" in mount}
    groups = {path.name for path in records.Processes("x").path.parent.glob("skep-lab-*")}
    namespaces = {path.name for path in Path("/run/netns").glob("skep-*")}
    links = set(Path("/sys/class/net").iterdir())
    return ours, groups, namespaces, links, {path.name for path in records.BASE.glob("*")}


def reachable(lab, cell):
    with lab.enter():
        try:
            socket.create_connection((cell.address, 22), 1).close()
        except OSError:
            return False
    return True


def test_a_cell_is_a_host_of_its_own(lab):
    for name, cell in lab.cells.items():
        assert cell.ssh(["hostname"]).stdout == f"{name}\n"
        assert cell.ssh(["cat", "/etc/machine-id"]).stdout.strip() == cell.uuid.replace("-", "")
        assert cell.ssh(["ls", "/dev/kvm", "/run/systemd"], check=False).returncode == 2


def test_an_argument_arrives_on_a_cell_as_it_is(lab):
    odd = "a b'c\"$(id)\n;*"
    assert lab.cells["cell1"].ssh(["printf", "%s", odd]).stdout == odd


def test_a_failing_command_shows_its_own_words(lab):
    with pytest.raises(LabError, match="No such file"):
        lab.cells["cell1"].ssh(["cat", "/does/not/exist"])


def test_one_cell_cannot_see_the_files_of_the_other(lab):
    one, two = lab.cells.values()
    one.ssh(["sh", "-c", "echo mine > /etc/only-here; echo mine > /var/lib/skep/only-here"])
    assert two.ssh(["ls", "/etc/only-here"], check=False).returncode == 2
    assert two.ssh(["ls", "/var/lib/skep/only-here"], check=False).returncode == 2
    assert not Path("/etc/only-here").exists()


def test_cells_and_core_hear_each_other_by_multicast(lab):
    one, two = lab.cells.values()
    assert "one" in heard_by(two, one, "one")
    assert "two" in heard_by(one, two, "two")
    with lab.enter(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as core:
        core.bind(("", 5599))
        group = socket.inet_aton("224.0.0.226") + socket.inet_aton(lab.core_address)
        core.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        core.settimeout(3)
        one.ssh(["python3", "-c", SEND, "core"])
        word, sender = core.recvfrom(100)
        assert (word, sender[0]) == (b"core", one.address)


def test_a_cut_cell_hears_nothing_and_a_healed_one_hears_again(lab):
    one, two = lab.cells.values()
    one.cut()
    assert one.state == "cut"
    assert not reachable(lab, one)
    one.heal()
    one.wait_for_ssh()
    assert one.state == "on"
    assert "again" in heard_by(two, one, "again")


def test_power_loss_kills_all_of_a_cell_and_keeps_its_disk(lab):
    cell = lab.cells["cell2"]
    cell.ssh(["sh", "-c", "echo kept > /etc/kept; echo lost > /run/lost; sleep 300 >&- 2>&- &"])
    before = cell.process
    cell.kill()
    assert (cell.state, before.alive) == ("off", False)
    cell.start()
    assert cell.ssh(["cat", "/etc/kept"]).stdout == "kept\n"
    assert cell.ssh(["ls", "/run/lost"], check=False).returncode == 2
    assert cell.ssh(["pgrep", "sleep"], check=False).returncode == 1


def test_a_program_of_the_host_runs_in_the_labs_network(lab):
    shown = lab.run(["ip", "-4", "-brief", "address"]).stdout
    assert lab.core_address in shown
    assert set(Path("/sys/class/net").iterdir()) == traces()[3]


@pytest.mark.skipif(shutil.which("ansible") is None, reason="needs Ansible")
def test_ansible_reaches_the_cells_with_the_labs_inventory(lab):
    argv = ["ansible", "cells", "-i", str(lab.inventory()), "-m", "ansible.builtin.ping"]
    assert lab.run(argv, cwd=ROOT).stdout.count("pong") == 2


def test_a_lab_leaves_nothing_behind():
    before = traces()
    with Lab.up(cells=1) as lab:
        family = "setsid sleep 300 & echo started; wait"
        with lab.popen(["sh", "-c", family], stdout=subprocess.PIPE) as child:
            assert child.stdout.readline() == b"started\n"
            members = (lab.record.processes.path / "cgroup.procs").read_text().split()
            processes = [found for pid in members if (found := Identity.of(int(pid)))]
            assert len(processes) >= 4
            assert traces() != before
            lab.down()
    assert [process for process in processes if process.alive] == []
    assert traces() == before


def test_a_lab_that_fails_to_come_up_leaves_nothing_behind(monkeypatch):
    before = traces()

    def fail(_self):
        raise RuntimeError("the power went out")

    monkeypatch.setattr("tests.lab.light.cell.LightCell.wait_for_ssh", fail)
    with pytest.raises(RuntimeError, match="power"):
        Lab.up(cells=1)
    assert traces() == before


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_lab_whose_owner_is_interrupted_or_killed_is_removed(end):
    before = traces()
    code = (
        "import time\nfrom tests.lab import Lab\n"
        "with Lab.up(cells=1) as lab:\n print(lab.id, flush=True)\n time.sleep(60)"
    )
    argv = [sys.executable, "-c", code]
    with subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as owner:
        name = owner.stdout.readline().decode().strip()
        pid = Lab.find(name).cells["cell1"].process
        owner.send_signal(end)
    records.remove_abandoned()
    assert not pid.alive
    assert traces() == before


def test_a_name_is_used_once():
    with Lab.up(cells=0, name="twice"), pytest.raises(LabError, match="up already"):
        Lab.up(cells=0, name="twice")


def test_a_light_lab_is_up_within_seconds():
    began = time.monotonic()
    with Lab.up(cells=2):
        assert time.monotonic() - began < 5
