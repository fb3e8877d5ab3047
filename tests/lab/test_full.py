"""Full Cells are machines: they boot, lose power, press reset, and offer KVM."""

from __future__ import annotations

import os

import pytest
from tests.lab import Lab

pytestmark = [
    pytest.mark.lab,
    pytest.mark.full,
    pytest.mark.skipif(os.geteuid() != 0, reason="a lab needs root"),
    pytest.mark.timeout(1800),
]


@pytest.fixture(scope="module")
def lab():
    with Lab.up(cells=2, full=True) as made:
        yield made


def boot_id(cell):
    return cell.ssh(["cat", "/proc/sys/kernel/random/boot_id"]).stdout


def test_a_full_cell_is_a_machine_with_systemd_and_kvm(lab):
    for name, cell in lab.cells.items():
        assert cell.ssh(["hostname"]).stdout == f"{name}\n"
        assert cell.ssh(["cat", "/etc/machine-id"]).stdout.strip() == cell.uuid.replace("-", "")
        assert cell.ssh(["ls", "-d", "/run/systemd/system", "/dev/kvm"]).returncode == 0
        uuid = cell.ssh(["cat", "/sys/class/dmi/id/product_uuid"]).stdout.strip()
        assert uuid.lower() == cell.uuid


def test_full_cells_reach_each_other_until_one_is_cut(lab):
    one = lab.cells["cell1"]
    ping = ["ping", "-c1", "-W3", "cell2"]
    assert one.ssh(ping).returncode == 0
    lab.cells["cell2"].cut()
    assert one.ssh(ping, check=False).returncode == 1
    lab.cells["cell2"].heal()
    assert one.ssh(["ping", "-c1", "-w20", "cell2"]).returncode == 0


def test_reset_boots_the_same_machine_again(lab):
    cell = lab.cells["cell1"]
    before = boot_id(cell), cell.pid
    cell.reset()
    assert boot_id(cell) != before[0]
    assert cell.pid == before[1]


def test_power_loss_keeps_what_was_synced(lab):
    cell = lab.cells["cell2"]
    cell.ssh(["sh", "-c", "echo kept > /etc/kept; sync"])
    cell.kill()
    assert cell.state == "off"
    cell.start()
    assert cell.ssh(["cat", "/etc/kept"]).stdout == "kept\n"


def test_a_vlan_and_a_bridge_that_filters_vlans_can_be_made(lab):
    cell = lab.cells["cell1"]
    cell.ssh(["ip", "link", "add", "link", "eth0", "name", "vlan249", "type", "vlan", "id", "249"])
    cell.ssh(["ip", "link", "add", "br9", "type", "bridge", "vlan_filtering", "1"])
    assert "id 249" in cell.ssh(["ip", "-d", "link", "show", "vlan249"]).stdout
