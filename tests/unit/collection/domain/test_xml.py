"""Golden files: SKEP_REGENERATE_GOLDEN=1 writes them anew; look at the difference then."""

import os
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import libvirt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.collection.domain.cases import CASES, DIRECTORIES, HOSTILE, UUID, created, parsed

from ansible_collections.skep.kvm.plugins.module_utils._domain import definition, xml
from ansible_collections.skep.kvm.plugins.module_utils._domain.description import as_item
from ansible_collections.skep.kvm.plugins.module_utils._domain.difference import differences

GOLDEN = Path(__file__).parents[1] / "golden" / "domain"


def found_in(tree, wanted):
    """What libvirt would have, were this its definition; autostart is beside the XML."""
    return xml.read(tree, autostart=wanted.autostart)


@pytest.mark.parametrize("case", CASES)
def test_rendered_xml_is_the_golden_file(case):
    golden = GOLDEN / f"{case}.xml"

    text = xml.to_text(xml.render(UUID, created(case)))

    if os.environ.get("SKEP_REGENERATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_golden_folder_holds_only_files_of_cases():
    assert {path.stem for path in GOLDEN.glob("*.xml")} == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_what_was_written_is_read_back(case):
    wanted = created(case)

    assert found_in(xml.render(UUID, wanted), wanted) == wanted


@given(st.sampled_from(sorted(CASES)), st.sampled_from(sorted(CASES)))
@settings(max_examples=400, deadline=None)
def test_one_definition_edited_into_another_is_the_other(first, second):
    base, wanted = created(first), created(second)

    edited = xml.edit(xml.render(UUID, base), UUID, base, wanted)

    assert differences(found_in(edited, wanted), wanted) == []


@pytest.mark.parametrize("case", CASES)
def test_item_that_is_there_changes_nothing(case):
    base = created(case)

    assert differences(base, definition.change(base, parsed_case(case))) == []


@pytest.mark.parametrize("case", CASES)
def test_description_given_back_changes_nothing(case):
    base = created(case)
    described = as_item(base, DIRECTORIES)

    wish = parsed({"uuid": UUID, **described}).given

    assert differences(base, definition.change(base, wish)) == []


def test_hostile_name_is_text_and_adds_no_element():
    domain = xml.parse(xml.to_text(xml.render(UUID, created("hostile-name"))))

    assert domain.findtext("name") == HOSTILE
    assert len(domain.findall("devices")) == 1


@pytest.mark.parametrize("case", CASES)
def test_libvirt_takes_the_xml_and_its_additions_are_no_change(case):
    """Its test driver, which has the parser and the defaults of all and no machine."""
    wanted = created(case)
    tree = xml.render(UUID, wanted)
    tree.set("type", "test")
    connection = libvirt.open("test:///default")
    try:
        kept = connection.defineXML(xml.to_text(tree)).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    finally:
        connection.close()

    found = replace(found_in(xml.parse(kept), wanted), domain_type=wanted.domain_type)

    assert differences(wanted, definition.change(found, parsed_case(case))) == []


def as_libvirt_keeps_it(domain):
    """What libvirt 9 with QEMU made of such a definition."""
    domain.set("id", "7")
    domain.find("os/type").set("machine", "pc-i440fx-7.2")
    domain.find("vcpu").set("placement", "static")
    for mac in domain.iterfind("devices/interface/mac"):
        mac.set("address", mac.get("address").upper())
    for tag in ("disk", "interface", "rng", "memballoon"):
        for element in domain.iterfind(f"devices/{tag}"):
            ET.SubElement(element, "address", {"type": "pci", "slot": "0x03"})
            ET.SubElement(element, "alias", {"name": f"{tag}0"})
    devices = domain.find("devices")
    devices.insert(0, ET.Element("emulator"))
    ET.SubElement(devices, "controller", {"type": "pci", "index": "0", "model": "pci-root"})
    console = ET.SubElement(devices, "console", {"type": "pty"})
    ET.SubElement(console, "target", {"type": "serial", "port": "0"})
    ET.SubElement(devices, "hostdev", {"mode": "subsystem"})
    ET.SubElement(domain, "resource").text = "/machine"
    return domain


def changed(case, **options):
    """Libvirt's tree of a case, edited by an item with only these options."""
    tree = as_libvirt_keeps_it(xml.render(UUID, created(case)))
    base = xml.read(tree)
    wanted = definition.change(base, parsed({"uuid": UUID, **options}).given)
    return tree, xml.edit(tree, UUID, base, wanted), differences(base, wanted)


def parsed_case(case):
    return parsed({"uuid": UUID, "name": "web-1", **CASES[case]}).given


def test_edit_leaves_libvirts_definition_alone():
    tree, _, _ = changed("two-disks-two-nics")
    before = ET.tostring(tree)

    xml.edit(tree, UUID, xml.read(tree), created("no-disk"))

    assert ET.tostring(tree) == before


def test_another_bridge_keeps_the_pci_address_and_what_others_added():
    nics = [{"bridge": "br7", "mac": "52:54:00:12:34:56"}]

    _, edited, changes = changed("two-disks-two-nics", nics=nics)

    assert [each.path for each in changes] == [
        "nics[52:54:00:12:34:56].bridge",
        "nics[52:54:00:00:00:01]",
    ]
    (card,) = edited.findall("devices/interface")
    assert card.find("source").get("bridge") == "br7"
    assert card.find("address").get("slot") == "0x03"
    assert edited.find("devices/hostdev") is not None
    assert edited.findtext("resource") == "/machine"


def test_another_bus_leaves_the_old_address():
    _, edited, _ = changed("cd-drives", cdroms=[{"device": "sdb", "bus": "sata"}])

    (drive,) = edited.findall("devices/disk")
    assert drive.find("address") is None


def test_what_is_not_given_is_left_alone():
    _, _, changes = changed("screen-on-a-socket", memory_mib=1024)

    assert [each.path for each in changes] == ["memory_mib", "memory_max_mib"]


def test_maximum_that_was_set_stays_until_it_is_exceeded():
    _, _, below = changed("room-to-grow", memory_mib=1024, vcpus=4)
    _, _, beyond = changed("room-to-grow", memory_mib=4096)

    assert [each.path for each in below] == ["memory_mib", "vcpus"]
    assert [(each.path, each.after) for each in beyond] == [
        ("memory_mib", 4096),
        ("memory_max_mib", 4096),
    ]


def test_disk_of_a_kind_that_others_made_stays():
    tree, _, _ = changed("qemu")
    network = ET.SubElement(tree.find("devices"), "disk", {"type": "network", "device": "disk"})
    ET.SubElement(network, "source", {"protocol": "rbd", "name": "pool/image"})
    ET.SubElement(network, "target", {"dev": "vdx"})
    base = xml.read(tree)

    edited = xml.edit(tree, UUID, base, replace(base, disks=()))

    assert [each.find("target").get("dev") for each in edited.findall("devices/disk")] == ["vdx"]


def test_another_accelerator_writes_the_definition_anew_with_its_own_cpu():
    _, edited, changes = changed("qemu", domain_type="kvm")

    assert [each.path for each in changes] == ["domain_type", "cpu"]
    assert edited.find("cpu").get("mode") == "host-model"
    assert edited.find("resource") is None


def test_versioned_machine_is_the_one_wanted():
    _, _, same = changed("qemu", machine="pc")
    _, _, other = changed("qemu", machine="pc-i440fx-6.2")

    assert same == []
    assert [each.path for each in other] == ["machine"]
