"""cell_info on a host of its own: real libvirt, real network interfaces."""

import json

import pytest
from tests.integration.collection.private_host import REPOSITORY, inventory

from skep.core.services.execution.capabilities import read_capabilities


@pytest.fixture
def ask(cell):
    def call(**arguments):
        task = {"name": "look", "skep.kvm.cell_info": arguments, "ignore_errors": True}
        playbook = cell.root / "look.yml"
        play = {"hosts": "cells", "gather_facts": False, "tasks": [task]}
        playbook.write_text(json.dumps([play]))
        return cell.play(playbook, inventory()).only()

    return call


@pytest.fixture
def bridge(cell):
    assert cell.run(["ip", "link", "add", "br-guests", "type", "bridge"]).returncode == 0
    yield "br-guests"
    cell.run(["ip", "link", "del", "br-guests"])


def test_refresh_returns_what_this_host_can_do_and_nothing_else(cell, bridge):
    playbook = REPOSITORY / "playbooks/cells_refresh.yml"

    answer = cell.play(playbook, inventory(skep_domain_type="kvm")).only()

    found = answer["capabilities"]
    assert {"domains", "images", "volumes", "cell", "warnings"} & set(answer) == set()
    assert found["architecture"] == "x86_64"
    assert found["domain_type"] == "qemu"  # the host has no usable KVM, whatever was asked for
    assert {"qemu64", "host-model"} <= set(found["cpu_models"])
    assert {"pc", "q35"} <= set(found["machines"])
    assert "bios" in found["firmwares"]
    assert (found["networks"], found["vlans"]) == ([bridge], [])
    assert read_capabilities(answer) == {
        each: found[each] for each in found if each != "domain_type"
    }
    domcapabilities = cell.virsh("domcapabilities", "--virttype", "qemu", "--machine", "q35")
    assert ("uefi" in found["firmwares"]) == ("<value>efi</value>" in domcapabilities)


def test_everything_is_returned_unless_a_part_is_asked_for(ask):
    assert set(ask()) >= {"cell", "capabilities", "domains", "images", "volumes"}
    assert ask(gather_subset=["cell"])["cell"]["cpus"] >= 1


def test_what_a_driver_cannot_say_is_null_and_warned_of(ask):
    answer = ask(uri="test:///default", gather_subset=["capabilities"])

    found = answer["capabilities"]
    assert (found["cpu_models"], found["firmwares"]) == (None, None)
    assert found["networks"] == []
    assert "CPU models and firmware are unknown" in answer["warnings"][0]


def test_libvirt_that_is_away_is_an_error_and_no_guess(ask):
    answer = ask(uri="qemu+unix:///system?socket=/nowhere", gather_subset=["capabilities"])

    assert answer["code"] == "libvirt_unavailable"
    assert "capabilities" not in answer
