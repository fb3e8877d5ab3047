import xml.etree.ElementTree as ET

from ansible_collections.skep.kvm.plugins.module_utils._snapshot import xml
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.xml import Disk, Facts

HOSTILE = "</description><memory snapshot='external' file='/etc/shadow'/>&xxe;"
DOMAIN = """
<domain type='kvm'><name>web</name><devices>
  <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/v/a'/>
    <target dev='vda' bus='virtio'/><alias name='virtio-disk0'/></disk>
  <disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='/dev/vg/b'/>
    <target dev='vdb' bus='virtio'/></disk>
  <disk type='file' device='disk'><source file='/v/c'/><target dev='vdc'/></disk>
  <disk type='file' device='cdrom'><target dev='sda'/><readonly/></disk>
  <disk type='file' device='disk'><driver type='raw'/><target dev='vdd'/><readonly/></disk>
</devices></domain>
"""
VDA = Disk("vda", "qcow2", "virtio-disk0")


def facts(name, parent=None, created_s=0):
    return Facts(name, parent, "", "shutoff", False, False, created_s, ())  # noqa: FBT003


def test_disks_are_those_that_a_guest_writes_to():
    assert xml.disks_of(DOMAIN) == (VDA, Disk("vdb", "block", ""), Disk("vdc", "raw", ""))


def test_text_stays_text():
    text = xml.render("one", HOSTILE, [VDA], memory=True)

    root = ET.fromstring(text)  # noqa: S314
    assert [each.tag for each in root] == ["name", "description", "memory", "disks"]
    assert xml.facts_of(text).description == HOSTILE


def test_snapshot_made_by_qemu_is_told_with_its_parent_and_the_definition():
    text = xml.render_made(facts("two", "one", 7), DOMAIN, [VDA], "one")

    found = xml.facts_of(text)
    assert (found.name, found.parent, found.created_s) == ("two", "one", 7)
    assert (found.has_memory, found.is_external, found.disks) == (False, False, ("vda",))
    assert ET.fromstring(text).find("domain/name") is not None  # noqa: S314


def test_description_is_replaced_or_added():
    bare = "<domainsnapshot><name>one</name></domainsnapshot>"

    once = xml.described(bare, "a")

    assert xml.facts_of(once).description == "a"
    assert xml.facts_of(xml.described(once, HOSTILE)).description == HOSTILE


def test_tree_puts_parents_first_whatever_the_clock_said():
    leaf, root, twig = facts("a", "b", 5), facts("c", None, 5), facts("b", "c", 9)

    assert [each.name for each in xml.tree([leaf, root, twig])] == ["c", "b", "a"]


def test_orphan_is_not_lost():
    assert [each.name for each in xml.tree([facts("a", "gone")])] == ["a"]
