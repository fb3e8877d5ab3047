from types import SimpleNamespace

import pytest

from ansible_collections.skep.kvm.plugins.module_utils._host import locks
from ansible_collections.skep.kvm.plugins.module_utils._item_spec import (
    ensure_each,
    sort_items,
)
from ansible_collections.skep.kvm.plugins.module_utils._reading import Reading

SPEC = {
    "items": {
        "options": {
            "name": {"type": "str", "required": True},
            "size_bytes": {"type": "int", "default": 7},
            "kind": {"type": "str", "choices": ["a", "b"]},
            "secret": {"type": "str", "no_log": True},
        },
        "required_if": [("kind", "a", ("secret",))],
    }
}


@pytest.fixture(autouse=True)
def lock_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "DIRECTORY", tmp_path / "locks")


def tried(*items):
    found = sort_items(items, SPEC["items"])
    module = SimpleNamespace(
        params={"items": found.allowed}, refused=found.refused, check_mode=False
    )
    echo = Reading(lambda item: str(item["name"]), lambda item: {"size": item.get("size_bytes", 0)})
    return ensure_each(module, echo)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"name": "x", "size_bytes": "10G"}, "whole numbers of bytes"),
        ({"name": "x", "sise": 1}, "sise"),
        ({"size_bytes": 1}, "name"),
        ({"name": "x", "kind": "c"}, "kind"),
        ({"name": "x", "kind": "a"}, "secret"),
        ({"name": ["x"], "size_bytes": []}, "size_bytes"),
    ],
)
def test_item_that_the_spec_forbids_fails_alone_and_in_its_place(item, said):
    results = tried({"name": "one"}, item, {"name": "two", "size_bytes": 9})

    assert [each["ok"] for each in results] == [True, False, True]
    assert [results[0]["size"], results[2]["size"]] == [0, 9]
    assert results[1]["code"] == "invalid_item"
    assert said in results[1]["msg"]
    assert not results[1]["changed"]


def test_item_that_is_no_dictionary_fails_alone():
    assert [each["ok"] for each in tried("x", {"name": "one"}, None)] == [False, True, False]


def test_secrets_of_bad_items_are_known_as_such():
    found = sort_items([{"nam": "x", "secret": "0ther"}], SPEC["items"])

    assert found.secrets == {"0ther"}


def test_no_items_are_no_results():
    assert tried() == []
