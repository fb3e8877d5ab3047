import pytest
from tests.unit.collection.domain.cases import BASELINE, DIRECTORIES, NIC, UUID, VDA, VDB
from tests.unit.collection.filled import filled

from ansible_collections.skep.kvm.plugins.module_utils._domain import definition, spec
from ansible_collections.skep.kvm.plugins.module_utils._domain.devices.disk import Disk
from ansible_collections.skep.kvm.plugins.module_utils._domain.paths import Directories
from ansible_collections.skep.kvm.plugins.module_utils._domain.sections.cpu import Cpu
from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    InvalidItemError,
    PathNotAllowedError,
)
from ansible_collections.skep.kvm.plugins.modules.domain import ARGUMENT_SPEC

NEW = {"name": "web-1", "memory_mib": 512, "vcpus": 1}


def parsed(directories=DIRECTORIES, **item):
    return spec.parse(filled(ARGUMENT_SPEC, uuid=UUID, **item), UUID, directories)


def defined(**item):
    found = parsed(**{**NEW, **item})
    return definition.create(found.given, found.serial_log)


def test_paths_come_from_the_uuid():
    found = parsed(Directories("/v", "/log"), **NEW, disks=[VDA], serial="logged")

    assert found.given["disks"] == (Disk(f"/v/{UUID}-vda.qcow2", "vda"),)
    assert found.given["serial"].log == f"/log/{UUID}.log"


def test_device_of_a_volume_is_its_letter_on_the_bus():
    found = defined(disks=[{**VDB, "bus": "scsi"}, {**VDA, "device": "vdx"}])

    assert [each.device for each in found.disks] == ["sdb", "vdx"]


@pytest.mark.parametrize(
    "name",
    [
        "a<name><devices>&xxe;]]>",
        "{{ lookup('pipe','id') }}",
        "例え話",
        "-rf",
        "..",
        "$(id)",
        'it\'s "quoted"',
        "x" * 64,
    ],
)
def test_name_is_data(name):
    assert defined(name=name).name == name


@pytest.mark.parametrize(
    "name",
    [
        "a</name><devices>",
        "a/b",
        "../a",
        " a",
        "a ",
        "a\nb",
        "a\x00",
        "a\x0bb",
        "a\ufffeb",
        "a\ud800b",
        "a\x1b[31m",
        "a\u202eb",
        "x" * 65,
        "\U0001f600" * 61,
    ],
)
def test_name_that_libvirt_or_a_terminal_would_trip_over_is_refused(name):
    with pytest.raises(InvalidItemError, match="name"):
        defined(name=name)


@pytest.mark.parametrize(
    "item",
    [
        {"memory_mib": 0},
        {"memory_mib": -1},
        {"memory_mib": 2**31},
        {"vcpus": 0},
        {"vcpus": 5000},
        {"name": None},
        {"timeout_s": -1},
        {"memory_max_mib": 256},
        {"vcpus": 4, "vcpus_max": 2},
        {"topology": {"sockets": 2}},
        {"topology": {"sockets": 0}},
        {"cpu": {"mode": "custom"}},
        {"cpu": {"mode": "host-model", "model": "qemu64"}},
        {"cpu": {"mode": "host-model", "vendor": "Intel"}},
        {"cpu": {"model": "<model>"}},
        {"cpu": {"model": "qemu64", "features": [{"name": "a b"}]}},
        {"cpu": {"model": "qemu64", "features": [{"name": "aes"}, {"name": "aes"}]}},
        {"cpu": {"baseline": BASELINE, "model": "qemu64"}},
        {"cpu": {"baseline": "<cpu>"}},
        {"cpu": {"baseline": "<domain><model>a</model></domain>"}},
        {"cpu": {"baseline": "<cpu mode='custom'/>"}},
        {"cpu": {"baseline": '<!DOCTYPE a [<!ENTITY b "c">]><cpu><model>&b;</model></cpu>'}},
        {"cpu_shares": 1},
        {"cpu_quota_percent": 101},
        {"machine": "pc' />"},
        {"machine": "pc", "firmware": "uefi_secure"},
        {"boot": []},
        {"boot": ["disk", "disk"]},
        {"boot": ["disk"], "disks": [{**VDA, "boot_order": 1}]},
        {"disks": [{**VDA, "boot_order": 1}, {**VDB, "boot_order": 1}]},
        {"disks": [{**VDA, "boot_order": -1}]},
        {"disks": [{}]},
        {"disks": [{**VDA, "path": "/srv/disks/a"}]},
        {"disks": [{"path": "/srv/disks/a"}]},
        {"disks": [{"volume": "../../etc/passwd"}]},
        {"disks": [VDA, {**VDA}]},
        {"disks": [VDA, {**VDA, "device": "vdc"}]},
        {"disks": [{**VDA, "device": "sda"}]},
        {"disks": [{**VDA, "device": "vda' bus='ide"}]},
        {"disks": [{**VDA, "bus": "ide"}], "machine": "q35"},
        {"disks": [{"path": "/dev/skep/a", "device": "vda", "format": "qcow2"}]},
        {"disks": [{**VDA, "iotune": {"read_iops": -1}}]},
        {"disks": [{**VDA, "iotune": {"read_iops": 1, "total_iops": 1}}]},
        {"disks": [{**VDA, "bus": "sata"}], "cdroms": [{"device": "sda"}]},
        {"cdroms": [{"device": "vda"}]},
        {"cdroms": [{"device": "sda", "image": "../../etc/passwd"}]},
        {"cdroms": [{"device": "sda", "image": "a" * 64, "path": "/srv/disks/a"}]},
        {"nics": [{**NIC, "mac": "53:54:00:12:34:56"}]},
        {"nics": [{**NIC, "bridge": "br0'/>"}]},
        {"nics": [{**NIC, "vlan": 0}]},
        {"nics": [{**NIC, "vlan": 4095}]},
        {"nics": [{**NIC, "vlan": -1}]},
        {"nics": [{**NIC, "inbound_mib_s": -1}]},
        {"nics": [NIC, {**NIC}]},
        {"labels": {"a b": "c"}},
        {"labels": {"a": 1}},
        {"labels": {"a": "b\nc"}},
        {"labels": {"a": "b" * 256}},
    ],
)
def test_definition_with_a_bad_value_is_refused(item):
    with pytest.raises(InvalidItemError):
        defined(**item)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow",
        "/dev/sda",
        "/dev/skep",
        "/dev/skep/../sda",
        "/dev/skep//a",
        "/dev/skep/./a",
        "/dev/skeptic/a",
        "/dev/skep/a\nb",
        "/dev/skep/a'b",
        "relative",
        "nbd://host/export",
        "json:{}",
    ],
)
def test_path_outside_the_allowed_folders_has_a_code_of_its_own(path):
    with pytest.raises(PathNotAllowedError):
        defined(disks=[{"path": path, "device": "vda"}])
    with pytest.raises(PathNotAllowedError):
        defined(cdroms=[{"path": path, "device": "sda"}])


@pytest.mark.parametrize("missing", ["name", "memory_mib", "vcpus"])
def test_new_domain_without_its_size_or_name_is_refused(missing):
    with pytest.raises(InvalidItemError, match=missing):
        defined(**{missing: None})


def test_baseline_is_read_without_running_anything():
    found = parsed(cpu={"baseline": BASELINE}).given["cpu"]

    features = (("hle", "disable"), ("ss", "require"))
    assert found == Cpu("custom", "Skylake-Client-IBRS", "Intel", features)


@pytest.mark.parametrize(
    ("item", "given"),
    [
        ({"name": "a", "state": "running"}, {}),
        ({"name": "a", "state": "shutoff", "force": True}, {}),
        ({"name": "a", "state": "present"}, {"name": "a"}),
        ({"name": "a", "state": "running", "vcpus": 2}, {"name": "a", "vcpus": 2}),
    ],
)
def test_name_beside_a_power_operation_is_no_wish(item, given):
    assert parsed(**item).given == given


def test_name_without_a_uuid_says_which_domain():
    wish = filled(ARGUMENT_SPEC, name="a", state="present", vcpus=2)

    assert spec.parse(wish, UUID, DIRECTORIES).given == {"vcpus": 2}
