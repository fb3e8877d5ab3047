import json

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.skep.kvm.plugins.module_utils._items_module import ItemsModule

SPEC = {
    "items": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "uuid": {"type": "str"},
            "name": {"type": "str"},
            "size_mib": {"type": "int"},
            "state": {"type": "str", "choices": ["on", "off"], "default": "on"},
        },
        "required_one_of": [("uuid", "name")],
    },
    "uri": {"type": "str", "default": "qemu:///system"},
}


def module(**arguments):
    with patch_module_args(arguments):
        return ItemsModule(argument_spec=SPEC, supports_check_mode=True)


@pytest.mark.parametrize(
    ("item", "identity", "told"),
    [
        ({"uuid": "u", "no_such_key": 1}, "u", "no_such_key"),
        ({"name": "n", "size_mib": "512 MB"}, "n", "512 MB"),
        ({"name": "n", "state": "broken"}, "n", "broken"),
        ({"state": "on"}, "item 1", "uuid, name"),
        ("text", "item 1", "dict"),
    ],
)
def test_bad_item_is_kept_back_with_its_own_result(item, identity, told):
    found = module(items=[{"uuid": "a"}, item, {"uuid": "b"}])

    assert [each["uuid"] for each in found.params["items"]] == ["a", "b"]
    first, bad, last = found.with_rejected([{"id": "a"}, {"id": "b"}])
    assert (first, last) == ({"id": "a"}, {"id": "b"})
    assert (bad["id"], bad["ok"], bad["changed"]) == (identity, False, False)
    assert bad["code"] == "invalid_item"
    assert told in bad["msg"]


def test_good_items_have_their_defaults():
    found = module(items=[{"uuid": "a", "size_mib": "5"}])

    assert found.params["items"] == [{"uuid": "a", "name": None, "size_mib": 5, "state": "on"}]
    assert found.with_rejected([{"id": "a"}]) == [{"id": "a"}]


def test_no_good_item_is_no_item():
    found = module(items=[{}, {}])

    assert found.params["items"] == []
    assert [each["code"] for each in found.with_rejected([])] == ["invalid_item"] * 2


@pytest.mark.parametrize("arguments", [{}, {"items": "text"}, {"items": [], "no_such_option": 1}])
def test_what_is_wrong_with_the_whole_call_fails_the_call(arguments, capsys):
    with pytest.raises(SystemExit):
        module(**arguments)

    assert json.loads(capsys.readouterr().out)["failed"]
