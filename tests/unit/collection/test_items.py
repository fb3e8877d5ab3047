import threading
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from ansible_collections.skep.kvm.plugins.module_utils import _items
from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    DomainNotFoundError,
    InvalidItemError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host import locks
from ansible_collections.skep.kvm.plugins.module_utils._items import Plan, ensure_all, finish


@pytest.fixture(autouse=True)
def lock_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "DIRECTORY", tmp_path / "locks")


@dataclass
class Lamps:
    """A resource in memory; items say {id, on} and may ask for trouble."""

    lit: set = field(default_factory=set)
    noun: str = "lamp"

    def identify(self, item):
        return item["id"]

    def resolve(self, item):
        if item.get("trouble") == "resolve":
            raise InvalidItemError("id", item["id"], "none")
        return SimpleNamespace(**{"trouble": None, **item})

    def lock_id(self, spec):
        return spec.id

    def read(self, spec):
        return spec.id in self.lit

    def plan(self, spec, current):
        if spec.trouble == "plan":
            raise DomainNotFoundError(spec.id)
        if current == spec.on:
            return Plan()
        return Plan(("switch",), {"on": current}, {"on": spec.on})

    def apply(self, spec, plan):
        if spec.trouble == "defect":
            raise ZeroDivisionError
        if spec.trouble == "full":
            raise OSError(28, "No space left on device")
        self.lit ^= {spec.id}

    def observe(self, spec):
        return {"lit": spec.id in self.lit}


def on(identity, **more):
    return {"id": identity, "on": True, **more}


def test_change_then_repeat():
    lamps = Lamps()

    first = ensure_all(lamps, [on("a")], check_mode=False)
    second = ensure_all(lamps, [on("a")], check_mode=False)

    assert first == [
        {
            "id": "a",
            "ok": True,
            "changed": True,
            "code": None,
            "msg": None,
            "diff": {"before": {"on": False}, "after": {"on": True}},
            "lit": True,
        }
    ]
    assert second[0]["changed"] is False
    assert second[0]["diff"] is None


def test_check_mode_tells_the_change_and_makes_none():
    lamps = Lamps()

    (result,) = ensure_all(lamps, [on("a")], check_mode=True)

    assert result["changed"]
    assert result["diff"] == {"before": {"on": False}, "after": {"on": True}}
    assert lamps.lit == set()


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        ("resolve", "invalid_item"),
        ("plan", "domain_not_found"),
        ("full", "disk_full"),
        ("defect", "internal_error"),
    ],
)
def test_bad_item_never_stops_its_neighbours(trouble, code):
    lamps = Lamps()
    items = [on("a"), on("b", trouble=trouble), on("c")]

    results = ensure_all(lamps, items, check_mode=False)

    assert [each["id"] for each in results] == ["a", "b", "c"]
    assert [each["ok"] for each in results] == [True, False, True]
    assert results[1]["code"] == code
    assert results[1]["changed"] is False
    assert lamps.lit == {"a", "c"}


def test_second_item_with_one_id_is_refused():
    lamps = Lamps()

    results = ensure_all(lamps, [on("a"), {"id": "a", "on": False}], check_mode=False)

    assert [each["code"] for each in results] == [None, "invalid_item"]
    assert lamps.lit == {"a"}


def test_items_are_tried_side_by_side():
    meeting = threading.Barrier(2, timeout=10)

    class Meeting(Lamps):
        def apply(self, spec, plan):
            meeting.wait()
            super().apply(spec, plan)

    results = ensure_all(Meeting(), [on("a"), on("b")], check_mode=False, workers=2)

    assert all(each["ok"] for each in results)


class Ended(Exception):  # noqa: N818 - it is no error, it ends the fake module
    pass


class FakeModule:
    def __init__(self, *, diff=False):
        self._diff = diff

    def exit_json(self, **answer):
        raise Ended({"failed": False, **answer})

    def fail_json(self, **answer):
        raise Ended({"failed": True, **answer})


def ending(results, **options):
    with pytest.raises(Ended) as caught:
        finish(FakeModule(**options), "lamp", results)
    return caught.value.args[0]


def test_module_ends_well_when_all_items_did():
    results = ensure_all(Lamps(), [on("a")], check_mode=False)

    answer = ending(results)

    assert answer == {"failed": False, "changed": True, "results": results}


def test_module_fails_with_all_results_when_one_item_did():
    results = ensure_all(Lamps(), [on("a"), on("b", trouble="plan")], check_mode=False)

    answer = ending(results)

    assert answer["failed"]
    assert answer["changed"]
    assert answer["msg"] == "1 of 2 lamps failed: domain 'b' does not exist on this Cell"
    assert answer["results"] == results


def test_long_list_of_failures_is_cut():
    results = ensure_all(Lamps(), [on(c, trouble="plan") for c in "abcde"], check_mode=False)

    assert ending(results)["msg"].endswith("; and 2 more, see results")


def test_diff_mode_shows_only_what_changed():
    results = ensure_all(Lamps(lit={"a"}), [on("a"), on("b")], check_mode=False)

    (shown,) = ending(results, diff=True)["diff"]

    assert shown["before_header"] == "lamp b"
    assert shown["after"] == {"on": True}


def test_no_items_is_no_change():
    assert ensure_all(Lamps(), [], check_mode=False) == []
    assert _items.Plan().diff is None
