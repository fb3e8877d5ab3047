from pathlib import Path

import pytest

from skep.cell.host import Host, memory_mib, version_of, version_text
from skep.cell.netif import Interface, choose

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "B" * 43


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "meminfo").write_text(
        "MemTotal:       16000000 kB\nMemFree: 1 kB\nMemAvailable:   12000000 kB\n"
    )
    (tmp_path / "loadavg").write_text("0.52 0.58 0.59 1/467 3456\n")
    return Host(tmp_path / "data", tmp_path, tmp_path / "host.pub")


def test_memory_is_counted_in_mib() -> None:
    assert memory_mib("MemTotal: 2048 kB\nMemAvailable: 1024 kB\n") == (2, 1)


def test_load_is_what_is_in_use(host: Host) -> None:
    load = host.load(domains=3)
    assert load["load1"] == 0.52
    assert load["memory_used_mib"] == 15625 - 11718
    assert load["domains"] == 3
    assert 0 <= load["disk_used_gib"] <= host.capacity()["disk_gib"] + 1
    assert host.capacity()["memory_mib"] == 15625


def test_only_a_whole_ed25519_host_key_is_announced(host: Host) -> None:
    assert host.ssh_host_key() is None
    host.ssh_host_key_file.write_text(f"{KEY} root@host\n")
    assert host.ssh_host_key() == KEY
    host.ssh_host_key_file.write_text("ssh-rsa AAAA")
    assert host.ssh_host_key() is None


def test_versions_have_legal_characters_only() -> None:
    assert version_of(9_002_014) == "9.2.14"
    assert version_text("6.1.0 (x)") == "6.1.0--x-"
    assert len(version_text("1" * 99)) == 64


def test_all_interfaces_that_lead_out_are_chosen() -> None:
    found = [
        Interface("virbr0", "192.168.122.1"),
        Interface("eth1", "10.1.0.1"),
        Interface("lo", "127.0.0.1"),
        Interface("eth0", "10.0.0.1"),
    ]
    assert [each.name for each in choose(found, [])] == ["eth0", "eth1"]
    assert [each.name for each in choose(found, ["virbr0", "lo", "gone"])] == ["lo", "virbr0"]
    assert [each.name for each in choose(found[2:3], [])] == ["lo"]
    assert choose([], []) == ()
