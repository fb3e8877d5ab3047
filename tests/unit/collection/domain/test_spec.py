import pytest
from tests.unit.collection.filled import filled

from ansible_collections.skep.kvm.plugins.module_utils._domain.spec import (
    Directories,
    Disk,
    parse,
)
from ansible_collections.skep.kvm.plugins.module_utils._errors import InvalidItemError
from ansible_collections.skep.kvm.plugins.modules.domain import ARGUMENT_SPEC

UUID = "1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11"


def parsed(**item):
    return parse(filled(ARGUMENT_SPEC, uuid=UUID, **item), UUID, Directories("/v", "/log"))


def defined(**item):
    return parsed(**{"name": "web-1", "memory_mib": 512, "vcpus": 1, **item})


def test_paths_come_from_the_uuid():
    found = defined(disks=[{"volume": f"{UUID}-vda"}]).definition

    assert found.disks == (Disk(f"/v/{UUID}-vda.qcow2", "vda"),)
    assert found.serial_log == f"/log/{UUID}.log"


@pytest.mark.parametrize(
    "name",
    [
        "a<name><devices>&xxe;]]>",
        "{{ lookup('pipe','id') }}",
        "例え話",
        "-rf",
        "..",
        "$(id)",
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
        " a",
        "a ",
        "a\nb",
        "a\x00",
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
        {"vcpus": 0},
        {"name": None},
        {"timeout_s": -1},
        {"disks": [{"volume": "../../etc/passwd"}]},
        {"disks": [{"volume": f"{UUID}-vda"}] * 2},
        {"nics": [{"bridge": "br0", "mac": "53:54:00:12:34:56"}]},
        {"nics": [{"bridge": "br0'/>", "mac": "52:54:00:12:34:56"}]},
        {"nics": [{"bridge": "br0", "mac": "52:54:00:12:34:56"}] * 2},
    ],
)
def test_definition_with_a_bad_value_is_refused(item):
    with pytest.raises(InvalidItemError):
        defined(**item)


@pytest.mark.parametrize("item", [{"state": "present"}, {"disks": [{"volume": f"{UUID}-vda"}]}])
def test_half_a_definition_is_refused(item):
    with pytest.raises(InvalidItemError, match="memory_mib"):
        parsed(**item)
