"""Golden files: SKEP_REGENERATE_GOLDEN=1 writes them anew; look at the difference then."""

import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from ansible_collections.skep.kvm.plugins.module_utils._domain.spec import (
    Definition,
    Disk,
    Nic,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.xml import render, to_text

GOLDEN = Path(__file__).parents[1] / "golden"
UUID = "1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11"
LOG = f"/var/log/skep/serial/{UUID}.log"
VDA = Disk(f"/var/lib/skep/volumes/{UUID}-vda.qcow2", "vda")
VDB = Disk(f"/var/lib/skep/volumes/{UUID}-vdb.qcow2", "vdb")
NIC = Nic("br0", "52:54:00:12:34:56")
CASES = {
    "kvm": ("web-1", Definition("kvm", 512, 1, (VDA,), (), LOG)),
    "qemu": ("web-1", Definition("qemu", 512, 1, (VDA,), (), LOG)),
    "two-disks-two-nics": (
        "db",
        Definition("kvm", 4096, 8, (VDA, VDB), (NIC, Nic("br1", "52:54:00:00:00:01")), LOG),
    ),
    "no-disk": ("bare", Definition("qemu", 64, 1, (), (), LOG)),
    "hostile-name": (
        "a</name><devices>&xxe;]]> {{ lookup('pipe','id') }} \"' 例",
        Definition("kvm", 512, 1, (VDA,), (), LOG),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rendered_xml_is_the_golden_file(case):
    name, definition = CASES[case]
    golden = GOLDEN / f"{case}.xml"

    text = to_text(render(UUID, name, definition))

    if os.environ.get("SKEP_REGENERATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_hostile_name_is_text_and_adds_no_element():
    name, definition = CASES["hostile-name"]

    domain = ET.fromstring(to_text(render(UUID, name, definition)))  # noqa: S314 - our own

    assert domain.findtext("name") == name
    assert len(domain.findall("devices")) == 1


def test_golden_folder_holds_only_files_of_cases():
    assert {path.stem for path in GOLDEN.glob("*.xml")} == set(CASES)
