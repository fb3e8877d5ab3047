import pytest

from ansible_collections.skep.kvm.plugins.module_utils._cells import (
    Heard,
    from_announcements,
    from_core,
    group_of_pool,
)


def listed(**changes):
    return {
        "id": "i",
        "name": "cell1",
        "fingerprint": "SHA256:x",
        "state": "online",
        "pool": "default",
        "address": "10.0.0.1",
        "kvm": "usable",
        **changes,
    }


def heard(name="cell1", fingerprint="SHA256:x", pool="default", sender="10.0.0.1"):
    cell = {"name": name, "pool": pool, "addresses": ["10.0.0.9", "10.0.0.1"], "kvm": "usable"}
    return Heard("i", fingerprint, sender, cell)


def test_member_is_in_the_groups_of_its_pool_and_state():
    (cell,) = from_core([listed()])

    assert cell.groups == ["cell_online", "cells", "pool_default"]
    assert cell.variables["ansible_host"] == "10.0.0.1"
    assert cell.variables["skep_pool"] == "default"


@pytest.mark.parametrize("state", ["discovered", "enrolling"])
def test_cell_that_was_not_accepted_is_in_no_group_that_playbooks_use(state):
    (cell,) = from_core([listed(state=state)])

    assert cell.groups == [f"cell_{state}"]


@pytest.mark.parametrize(
    "item",
    [
        None,
        7,
        {},
        listed(name="-oProxyCommand=id"),
        listed(name="{{ x }}"),
        listed(name=None),
        listed(state="root"),
    ],
)
def test_item_of_another_shape_is_left_out(item):
    assert from_core([item]) == []


@pytest.mark.parametrize("address", ["-oProxyCommand=id", "example.com", "{{ x }}", None, 7])
def test_only_an_address_becomes_the_host_to_reach(address):
    (cell,) = from_core([listed(address=address)])

    assert "ansible_host" not in cell.variables


def test_cell_heard_in_a_pool_is_reached_where_it_spoke_from():
    (cell,), dropped = from_announcements([heard()], [])

    assert cell.groups == ["cell_online", "cells", "pool_default"]
    assert cell.variables["ansible_host"] == "10.0.0.1"
    assert dropped == []


def test_sender_that_the_cell_does_not_announce_is_not_believed():
    (cell,), _ = from_announcements([heard(sender="10.6.6.6")], [])

    assert cell.variables["ansible_host"] == "10.0.0.9"


def test_cell_without_pool_is_only_discovered():
    (cell,), _ = from_announcements([heard(pool=None)], [])

    assert cell.groups == ["cell_discovered"]


def test_only_known_keys_are_members_where_fingerprints_are_given():
    cells, _ = from_announcements([heard(), heard("evil", "SHA256:y")], ["SHA256:x"])

    assert [each.groups[0] for each in cells] == ["cell_online", "cell_discovered"]


def test_name_of_two_keys_is_left_out_and_told():
    cells, dropped = from_announcements([heard(), heard(fingerprint="SHA256:y")], [])

    assert cells == []
    assert "cell1" in dropped[0]


def test_pool_makes_a_legal_group_name():
    assert group_of_pool("gpu-a.1") == "pool_gpu_a_1"
