"""What a Cell can do, out of what libvirt 9.0 with QEMU 7.2 said on a host without KVM."""

import json
from pathlib import Path

import pytest

from ansible_collections.skep.kvm.plugins.module_utils import _capabilities as parsed
from ansible_collections.skep.kvm.plugins.module_utils import _cell
from ansible_collections.skep.kvm.plugins.module_utils._errors import HostError

CAPTURED = Path(__file__).parent / "captured"
HOST = (CAPTURED / "capabilities.xml").read_text()
PC = (CAPTURED / "domain-pc.xml").read_text()
Q35 = (CAPTURED / "domain-q35.xml").read_text()


def link(name, kind=None, **data):
    info = {} if kind is None else {"linkinfo": {"info_kind": kind, "info_data": data}}
    return {"ifindex": 1, "ifname": name, "link_type": "ether", **info}


def test_architecture_is_the_hosts_not_that_of_the_first_guest():
    assert parsed.architecture(HOST) == "x86_64"


def test_machines_are_families_and_versions_sorted():
    found = parsed.machines(HOST, "qemu")

    assert {"pc", "q35", "pc-i440fx-7.2", "pc-q35-7.2", "microvm"} <= set(found)
    assert found == sorted(found)
    assert len(found) == 60


def test_machines_of_other_architectures_are_left_out():
    other = HOST.replace("<arch name='x86_64'>", "<arch name='s390x'>")

    assert parsed.machines(other, "qemu") == []


def test_machines_of_the_wanted_type_of_domain_come_first():
    own = "<domain type='kvm'><machine>virt-9.0</machine></domain><domain type='qemu'/>"
    other = HOST.replace("<domain type='qemu'/>", own)

    assert parsed.machines(other, "kvm") == ["virt-9.0"]
    assert "pc" in parsed.machines(other, "qemu")


def test_cpu_models_are_the_usable_ones_and_the_supported_modes():
    found = parsed.cpu_models(PC)

    assert found == sorted(found)
    assert {"qemu64", "Westmere", "Nehalem", "host-model", "maximum"} <= set(found)
    # EPYC is the base of the host model here, but less its features: no guest gets a whole one.
    assert {"EPYC", "phenom", "host-passthrough"} & set(found) == set()
    assert len(found) == 20


def test_host_passthrough_is_there_where_it_is_supported():
    with_kvm = PC.replace("'host-passthrough' supported='no'", "'host-passthrough' supported='yes'")

    assert set(parsed.cpu_models(with_kvm)) - set(parsed.cpu_models(PC)) == {"host-passthrough"}


def test_pc_hosts_have_bios_and_with_ovmf_uefi():
    assert parsed.firmwares([PC, Q35]) == ["bios", "uefi"]


def test_without_ovmf_there_is_no_uefi():
    assert parsed.firmwares([PC.replace("<value>efi</value>", "")]) == ["bios"]


def test_uefi_for_one_of_two_machines_is_enough():
    assert parsed.firmwares([PC.replace("<value>efi</value>", ""), Q35]) == ["bios", "uefi"]


def test_other_architectures_have_no_bios():
    assert parsed.firmwares([PC.replace("x86_64", "aarch64")]) == ["uefi"]


def test_networks_are_the_bridges_and_vlans_the_ids_of_vlan_interfaces():
    links = parsed.links(
        json.dumps(
            [
                link("lo"),
                link("br-guests", "bridge", vlan_filtering=0),
                link("br0", "bridge"),
                link("eth0.249", "vlan", protocol="802.1Q", id=249),
                link("storage", "vlan", protocol="802.1Q", id=7),
                link("br0.249", "vlan", protocol="802.1Q", id=249),
                link("tap0", "tun", type="tap"),
            ]
        )
    )

    assert parsed.networks(links) == ["br-guests", "br0"]
    assert parsed.vlans(links) == [7, 249]


def test_lists_are_bounded_and_odd_names_left_out():
    many = [link(f"br{number}", "bridge") for number in range(1000)]
    odd = [link("br'quoted'", "bridge"), link("a" * 16, "bridge"), link("-x", "bridge")]

    found = parsed.networks([*odd, *many])

    assert len(found) == parsed.MAX_NETWORKS
    assert set(found) <= {each["ifname"] for each in many}


@pytest.mark.parametrize("number", [0, 4095, "7", None])
def test_what_is_no_vlan_id_is_left_out(number):
    assert parsed.vlans([link("odd", "vlan", id=number)]) == []


def test_entries_that_say_nothing_are_nothing():
    # iproute2 6.1 prints empty objects for what a filter leaves out.
    links = parsed.links('[{}, {"ifname": "br0"}, {"linkinfo": null}, 1]')

    assert (parsed.networks(links), parsed.vlans(links)) == ([], [])


@pytest.mark.parametrize("text", ["{}", "Object is unknown", "3"])
def test_an_answer_that_is_no_list_is_an_error(text):
    with pytest.raises(ValueError, match=r"."):
        parsed.links(text)


class Host:
    """A libvirt that offers these types of domain."""

    def __init__(self, *offered):
        self.offered = offered

    def capabilities(self):
        return HOST

    def domain_capabilities(self, domain_type, machine=None):
        return (Q35 if machine else PC) if domain_type in self.offered else None


@pytest.fixture
def abilities(monkeypatch, tmp_path):
    def ask(host, links='[{"ifname": "br0", "linkinfo": {"info_kind": "bridge"}}]'):
        def read():
            if links is None:
                raise HostError("ip -j -d link", "not found")
            return links

        monkeypatch.setattr(_cell, "read_links", read)
        cell = _cell.Cell(host, "kvm", tmp_path, tmp_path)
        return _cell.describe(cell, ["capabilities"])["capabilities"], cell.warnings

    return ask


@pytest.mark.parametrize("offered", [("kvm", "qemu"), ("qemu",)])
def test_the_best_type_of_domain_that_libvirt_offers_is_asked(abilities, offered):
    found, warnings = abilities(Host(*offered))

    assert found["domain_type"] == offered[0]
    assert (found["firmwares"], found["networks"], warnings) == (["bios", "uefi"], ["br0"], [])


@pytest.mark.parametrize("links", [None, "no JSON"])
def test_networks_that_ip_does_not_tell_are_unknown_and_warned_of(abilities, links):
    found, warnings = abilities(Host("qemu"), links)

    assert (found["networks"], found["vlans"]) == (None, None)
    assert len(warnings) == 1
    assert "networks and VLANs are unknown" in warnings[0]
    assert found["cpu_models"]
