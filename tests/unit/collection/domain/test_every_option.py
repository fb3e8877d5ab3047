"""Fails when an option of a definition, or one of its choices, is in no case."""

from typing import Any

from tests.unit.collection.domain.cases import CASES

from ansible_collections.skep.kvm.plugins.module_utils._domain.arguments import DEFINITION

PLAIN = {"memory_mib": 512, "vcpus": 2}


def all_of(spec: dict[str, Any], path: str = "") -> set[str]:
    """Every option that holds a value, with each of its choices: disks.bus=scsi."""
    found: set[str] = set()
    for name, option in spec.items():
        here = f"{path}{name}"
        if "options" in option:
            found |= all_of(option["options"], f"{here}.")
        elif option["type"] == "bool":
            found.add(f"{here}=True")
        else:
            found |= {f"{here}={each}" for each in option.get("choices", [])} or {here}
    return found


def used_in(spec: dict[str, Any], given: Any, path: str = "") -> set[str]:
    found: set[str] = set()
    for name, value in given.items():
        option = spec[name]
        here = f"{path}{name}"
        for each in value if isinstance(value, list) else [value]:
            if "options" in option:
                found |= used_in(option["options"], each, f"{here}.")
            else:
                is_choice = "choices" in option or option["type"] == "bool"
                found.add(f"{here}={each}" if is_choice else here)
    return found


def test_every_option_and_every_choice_is_in_a_case():
    used = set().union(*(used_in(DEFINITION, plain(case)) for case in CASES.values()))

    assert all_of(DEFINITION) - used == set()


def plain(case: dict[str, Any]) -> dict[str, Any]:
    given = {**PLAIN, "domain_type": "qemu", **case}
    return {name: value for name, value in given.items() if name in DEFINITION}
