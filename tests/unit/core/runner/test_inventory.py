from pathlib import Path

from skep.core.runner.inventory import Host, SshAccess, build_inventory, known_hosts, unsafe

HOSTILE = "{{ lookup('pipe','id') }}"
ACCESS = SshAccess("skep", Path("/k/id"), Path("/run/kh"))


def strings_outside_wrappers(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        if set(value) == {"__ansible_unsafe"}:
            return []
        return [text for each in value.values() for text in strings_outside_wrappers(each)]
    if isinstance(value, list):
        return [text for each in value for text in strings_outside_wrappers(each)]
    return []


def test_every_string_of_a_host_is_marked_unsafe() -> None:
    host = Host(
        "cell1", "10.0.0.1", "ssh-ed25519 AAAA", ("x",), {"skep_domains": [{"name": HOSTILE}]}
    )
    inventory = build_inventory([host], ACCESS)
    assert strings_outside_wrappers(inventory["all"]["hosts"]) == []


def test_unsafe_keeps_numbers_booleans_and_nothing() -> None:
    assert unsafe({"a": [1, True, None, "x"]}) == {"a": [1, True, None, {"__ansible_unsafe": "x"}]}


def test_groups_hold_their_hosts_and_cells_holds_all() -> None:
    hosts = [Host("a", "10.0.0.1", None, ("migration_targets",)), Host("b", "10.0.0.2", None)]
    children = build_inventory(hosts, ACCESS)["all"]["children"]
    assert set(children["cells"]["hosts"]) == {"a", "b"}
    assert set(children["migration_targets"]["hosts"]) == {"a"}


def test_the_local_cell_has_no_ssh() -> None:
    variables = build_inventory([Host("a", None, None)], ACCESS)["all"]["hosts"]["a"]
    assert variables["ansible_connection"] == {"__ansible_unsafe": "local"}
    assert "ansible_host" not in variables


def test_known_hosts_pins_announced_keys_only() -> None:
    hosts = [Host("a", "10.0.0.1", "ssh-ed25519 K"), Host("b", "10.0.0.2", None)]
    assert known_hosts(hosts) == "10.0.0.1 ssh-ed25519 K\n"
