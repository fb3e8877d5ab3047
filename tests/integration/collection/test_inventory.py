"""`ansible-inventory` with a fake Core and with announcements on the loopback interface."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.integration.collection.https_server import as_json, serve
from tests.integration.collection.private_host import REPOSITORY

from skep.domain.announcement import (
    Announcement,
    encode,
    fingerprint,
    raw_public_key,
)

INVENTORY = REPOSITORY / "inventory/cells.skep.yml"
HOSTILE = "{{ lookup('pipe','touch skep-was-here') }}"
DOMAIN = "inventory-test"
# One port per test process: all of them hear the loopback's multicast.
PORT = 5600 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def ask(*options, source=INVENTORY, **environment):
    script = Path(sys.executable).with_name("ansible-inventory")
    return subprocess.run(
        [str(script), "-i", str(source), *options],
        cwd=REPOSITORY,
        env={**os.environ, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def listed(name, **more):
    return {
        "id": name,
        "name": name,
        "fingerprint": "SHA256:x",
        "state": "online",
        "pool": "default",
        "address": "10.0.0.1",
        "kvm": "usable",
        "capacity": {"cpus": 2, "memory_mib": 1024, "disk_gib": 1},
        "load": {"load1": 0.5},
        "versions": {"libvirt": HOSTILE},
        **more,
    }


@pytest.fixture
def core(tmp_path):
    pages = {
        "/api/v1/cells?limit=500": {"items": [listed("cell1")], "next": "abc", "total": 3},
        "/api/v1/cells?limit=500&cursor=abc": {
            "items": [listed("cell2", pool="gpu-a"), listed("cell3", state="discovered")],
            "next": None,
            "total": 3,
        },
    }
    with serve(tmp_path) as server:
        server.answer = lambda path, _: as_json(pages[path])
        yield server


def from_core(core, *options, **environment):
    access = {"SKEP_URL": core.url, "SKEP_TOKEN": "t", "SKEP_CA_FILE": str(core.certificate)}
    return ask(*options, **{**access, **environment})


def test_graph_shows_pools_and_cells(core):
    found = from_core(core, "--graph")

    assert found.returncode == 0, found.stderr
    assert "  |--@pool_default:\n  |  |--cell1\n" in found.stdout
    assert "  |--@pool_gpu_a:\n  |  |--cell2\n" in found.stdout
    assert "  |--@cells:\n  |  |--cell1\n  |  |--cell2\n  |--" in found.stdout + "  |--"
    assert core.requests[0][1]["authorization"] == "Bearer t"


def test_values_of_cells_are_never_templates(core):
    found = json.loads(from_core(core, "--list").stdout)

    host = found["_meta"]["hostvars"]["cell1"]
    assert host["skep_versions"] == {"libvirt": {"__ansible_unsafe": HOSTILE}}
    assert host["ansible_host"] == {"__ansible_unsafe": "10.0.0.1"}
    assert host["ansible_become"] is True
    assert not (REPOSITORY / "skep-was-here").exists()


def test_task_that_prints_a_hostile_value_does_not_run_it(core, tmp_path):
    play = {
        "hosts": "cell1",
        "gather_facts": False,
        "tasks": [{"ansible.builtin.debug": {"msg": "{{ skep_versions.libvirt }}"}}],
    }
    playbook = tmp_path / "print.yml"
    playbook.write_text(json.dumps([play]))
    environment = {
        "SKEP_URL": core.url,
        "SKEP_TOKEN": "t",
        "SKEP_CA_FILE": str(core.certificate),
    }

    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(INVENTORY), playbook],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert HOSTILE in done.stdout
    assert not (tmp_path / "skep-was-here").exists()
    assert not (REPOSITORY / "skep-was-here").exists()


def test_core_with_another_certificate_gets_no_token(core, tmp_path):
    (tmp_path / "other").mkdir()
    with serve(tmp_path / "other") as other:
        found = from_core(core, "--graph", SKEP_CA_FILE=str(other.certificate))

    assert found.returncode != 0
    assert core.requests == []


def test_cache_answers_while_the_core_is_away(core, tmp_path):
    cache = {
        "ANSIBLE_INVENTORY_CACHE": "true",
        "ANSIBLE_INVENTORY_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_INVENTORY_CACHE_CONNECTION": str(tmp_path / "cache"),
    }
    first = from_core(core, "--list", **cache)
    core.answer = lambda *_: (503, {}, b"")

    second = from_core(core, "--list", **cache)

    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout) == json.loads(first.stdout)


class Beacon:
    """A Cell that announces on the loopback interface."""

    def __init__(self, name, pool="default", boot_id="0" * 16, key=None):
        self.key = key or Ed25519PrivateKey.generate()
        self.name = name
        self.pool = pool
        self.boot_id = boot_id
        self.sequence = 0

    @property
    def fingerprint(self):
        return fingerprint(raw_public_key(self.key))

    def datagram(self, age_s=0.0):
        self.sequence += 1
        cell = {
            "name": self.name,
            "addresses": ["127.0.0.1"],
            "capacity": {"cpus": 2, "memory_mib": 1024, "disk_gib": 1},
            "load": {"load1": 0.5, "memory_used_mib": 1, "disk_used_gib": 0, "domains": 0},
            "versions": {"skep": "0.1", "libvirt": "9.0.0", "qemu": "7.2", "kernel": "6.1"},
            "kvm": "usable",
            "started_at": time.time(),
            "ssh_host_key": None,
            "pool": self.pool,
            "core": None,
        }
        said = Announcement(
            "cell",
            DOMAIN,
            raw_public_key(self.key),
            self.boot_id,
            self.sequence,
            time.time() - age_s,
            {"cell": cell},
        )
        return encode(said, self.key)


@contextmanager
def on_air(*sources):
    """Send what each source returns, ten times a second."""
    done = threading.Event()

    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            here = socket.inet_aton("127.0.0.1")
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
            while not done.wait(0.1):
                for source in sources:
                    sender.sendto(source(), ("224.0.0.226", PORT))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def heard(tmp_path, *options, **more):
    config = {
        "plugin": "skep.kvm.cells",
        "domain": DOMAIN,
        "port": PORT,
        "interface": "lo",
        "listen_s": 1.5,
        "keyed_groups": [{"key": "skep_versions.libvirt", "prefix": "libvirt"}],
        **more,
    }
    source = tmp_path / "cells.skep.yml"
    source.write_text(json.dumps(config))
    found = ask("--list", *options, source=source, SKEP_INVENTORY_SOURCE="beacon")
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout), found.stderr


def test_cells_are_heard_without_a_core(tmp_path):
    member, stranger = Beacon("cell1"), Beacon("cell2", pool=None)

    with on_air(member.datagram, stranger.datagram):
        found, _ = heard(tmp_path)

    assert found["cells"]["hosts"] == ["cell1"]
    assert found["pool_default"]["hosts"] == ["cell1"]
    assert found["cell_discovered"]["hosts"] == ["cell2"]
    assert found["libvirt_9_0_0"]["hosts"] == ["cell1", "cell2"]
    variables = found["_meta"]["hostvars"]["cell1"]
    assert variables["ansible_host"] == {"__ansible_unsafe": "127.0.0.1"}
    assert variables["skep_fingerprint"] == {"__ansible_unsafe": member.fingerprint}


def test_only_the_keys_named_are_members(tmp_path):
    member, liar = Beacon("cell1"), Beacon("cell2")

    with on_air(member.datagram, liar.datagram):
        found, _ = heard(tmp_path, fingerprints=[member.fingerprint])

    assert found["cells"]["hosts"] == ["cell1"]


def test_forged_old_and_broken_announcements_are_not_believed(tmp_path):
    forger, old = Beacon("forged"), Beacon("old")

    def forged():
        datagram = forger.datagram()
        return datagram[:-40] + datagram[-40:].replace(b"default", b"defaulT")

    with on_air(forged, lambda: old.datagram(age_s=120), lambda: b"SKP1", Beacon("good").datagram):
        found, _ = heard(tmp_path)

    assert list(found["_meta"]["hostvars"]) == ["good"]


def test_name_claimed_by_two_keys_is_left_out_with_a_warning(tmp_path):
    with on_air(Beacon("cell1").datagram, Beacon("cell1").datagram, Beacon("cell2").datagram):
        found, warnings = heard(tmp_path)

    assert found["cells"]["hosts"] == ["cell2"]
    assert "different keys announce this" in " ".join(warnings.split())


def test_identity_held_by_two_machines_is_left_out(tmp_path):
    key = Ed25519PrivateKey.generate()
    one, two = Beacon("cell1", key=key), Beacon("cell1", boot_id="1" * 16, key=key)

    with on_air(one.datagram, two.datagram, Beacon("cell2").datagram):
        found, _ = heard(tmp_path)

    assert found["cells"]["hosts"] == ["cell2"]


def test_static_example_is_an_inventory(tmp_path):
    copy = tmp_path / "static.yml"
    copy.write_text((REPOSITORY / "inventory/static-example.yml.txt").read_text())

    found = ask("--graph", source=copy)

    assert found.returncode == 0, found.stderr
    assert "|--@pool_default:" in found.stdout
