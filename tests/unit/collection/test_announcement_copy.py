from pathlib import Path

from ansible_collections.skep.kvm.plugins.module_utils import _announcement
from skep.domain import announcement


def test_both_homes_of_the_announcement_hold_the_same_bytes():
    here, there = Path(announcement.__file__), Path(_announcement.__file__)

    assert here.read_bytes() == there.read_bytes(), f"cp {here} {there}"
