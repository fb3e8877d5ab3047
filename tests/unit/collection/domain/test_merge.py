import copy
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.skep.kvm.plugins.module_utils._domain.merge import Change, merge
from ansible_collections.skep.kvm.plugins.module_utils._domain.spec import (
    Definition,
    Disk,
    Nic,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.xml import render

UUID = "1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11"
VDA, VDB = Disk("/v/a.qcow2", "vda"), Disk("/v/b.qcow2", "vdb")
NIC = Nic("br0", "52:54:00:12:34:56")


def wanted(**changes):
    plain = {
        "domain_type": "kvm",
        "memory_mib": 512,
        "vcpus": 1,
        "disks": (VDA,),
        "nics": (NIC,),
        "serial_log": "/log/x.log",
    }
    return render(UUID, changes.pop("name", "web-1"), Definition(**{**plain, **changes}))


def as_libvirt_keeps_it(domain):
    """What libvirt 9 made of such a definition."""
    kept = copy.deepcopy(domain)
    kept.set("id", "7")
    kept.find("os/type").set("machine", "pc-i440fx-7.2")
    kept.find("vcpu").set("placement", "static")
    for mac in kept.iterfind("devices/interface/mac"):
        mac.set("address", mac.get("address").upper())
    for tag in ("disk", "interface", "rng", "memballoon"):
        for element in kept.iterfind(f"devices/{tag}"):
            ET.SubElement(element, "address", {"type": "pci", "slot": "0x03"})
            ET.SubElement(element, "alias", {"name": f"{tag}0"})
    devices = kept.find("devices")
    devices.insert(0, ET.Element("emulator"))
    ET.SubElement(devices, "controller", {"type": "pci", "index": "0", "model": "pci-root"})
    console = ET.SubElement(devices, "console", {"type": "pty"})
    ET.SubElement(console, "target", {"type": "serial", "port": "0"})
    ET.SubElement(devices, "audio", {"id": "1", "type": "none"})
    ET.SubElement(kept, "resource").text = "/machine"
    return kept


def changes_of(domain, actual):
    return merge(domain, actual)[1]


def test_what_libvirt_adds_is_no_change():
    assert changes_of(wanted(), as_libvirt_keeps_it(wanted())) == []


def test_merge_leaves_libvirts_definition_alone():
    actual = as_libvirt_keeps_it(wanted())
    before = ET.tostring(actual)

    merge(wanted(memory_mib=1024, disks=()), actual)

    assert ET.tostring(actual) == before


def test_more_memory_raises_the_current_memory_too():
    changes = changes_of(wanted(memory_mib=1024), as_libvirt_keeps_it(wanted()))

    assert changes == [
        Change("memory", "524288", "1048576"),
        Change("currentMemory", "524288", "1048576"),
    ]


def test_another_bridge_keeps_the_pci_address():
    other = Nic("br1", NIC.mac)

    merged, changes = merge(wanted(nics=(other,)), as_libvirt_keeps_it(wanted()))

    path = "devices/interface[52:54:00:12:34:56]/source/@bridge"
    assert changes == [Change(path, "br0", "br1")]
    assert merged.find("devices/interface/address").get("slot") == "0x03"


def test_a_second_disk_is_added():
    changes = changes_of(wanted(disks=(VDA, VDB)), as_libvirt_keeps_it(wanted()))

    assert changes == [Change("devices/disk[vdb]", None, "/v/b.qcow2")]


def test_a_disk_no_longer_wanted_is_removed():
    merged, changes = merge(wanted(disks=()), as_libvirt_keeps_it(wanted()))

    assert changes == [Change("devices/disk[vda]", "/v/a.qcow2", None)]
    assert merged.find("devices/disk") is None


def test_a_cd_put_in_by_others_stays():
    actual = as_libvirt_keeps_it(wanted())
    drive = ET.SubElement(actual.find("devices"), "disk", {"type": "file", "device": "cdrom"})
    ET.SubElement(drive, "target", {"dev": "hda"})

    assert changes_of(wanted(), actual) == []


def test_a_removed_random_number_generator_comes_back():
    actual = as_libvirt_keeps_it(wanted())
    actual.find("devices").remove(actual.find("devices/rng"))

    assert [change.path for change in changes_of(wanted(), actual)] == ["devices/rng"]


def test_another_accelerator_replaces_the_whole_definition():
    domain = wanted(domain_type="qemu")

    merged, changes = merge(domain, as_libvirt_keeps_it(wanted()))

    assert changes == [Change("@type", "kvm", "qemu")]
    assert merged is domain


definitions = st.fixed_dictionaries(
    {
        "memory_mib": st.integers(1, 2**20),
        "vcpus": st.integers(1, 512),
        "disks": st.sets(st.sampled_from([VDA, VDB])).map(tuple),
        "nics": st.sets(st.sampled_from([NIC, Nic("b", "52:54:00:00:00:02")])).map(tuple),
        "name": st.text("ab<&>{}'\"", min_size=1, max_size=8),
    }
)


@given(definitions, definitions)
def test_merging_twice_changes_nothing_the_second_time(first, second):
    merged, _ = merge(wanted(**second), as_libvirt_keeps_it(wanted(**first)))

    assert changes_of(wanted(**second), merged) == []


@given(definitions, definitions)
def test_different_definitions_are_always_told_apart(first, second):
    def meant(each):
        return {**each, "disks": set(each["disks"]), "nics": set(each["nics"])}

    found = changes_of(wanted(**second), as_libvirt_keeps_it(wanted(**first)))

    assert (found == []) == (meant(first) == meant(second))
