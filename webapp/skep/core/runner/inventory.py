"""The inventory of one run: only its Cells, as JSON, every string marked unsafe. Pure.

Ansible treats strings from an inventory as templates and would execute them on the Core. The
`__ansible_unsafe` wrapper marks a value as data, whatever a user or a Cell put into it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = Any


@dataclass(frozen=True)
class Host:
    """One Cell as Ansible reaches it, and the data its tasks read.

    `address` and `ssh_host_key` are None for the Cell on the Core's own host.
    """

    name: str
    address: str | None
    ssh_host_key: str | None
    groups: Sequence[str] = ()
    variables: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class SshAccess:
    """How the Core logs in to Cells."""

    user: str
    key_file: Path
    known_hosts_file: Path


def unsafe(value: Json) -> Json:
    """Return the value with every string in it marked as data."""
    if isinstance(value, str):
        return {"__ansible_unsafe": value}
    if isinstance(value, Mapping):
        return {key: unsafe(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [unsafe(each) for each in value]
    return value


def build_inventory(hosts: Sequence[Host], access: SshAccess) -> dict[str, Json]:
    """Return the inventory of one run: group `cells` and the hosts' own groups."""
    groups: dict[str, Json] = {}
    for host in hosts:
        for group in ("cells", *host.groups):
            groups.setdefault(group, {"hosts": {}})["hosts"][host.name] = {}
    members = {host.name: _variables(host, access) for host in hosts}
    return {"all": {"hosts": members, "children": groups}}


def known_hosts(hosts: Sequence[Host]) -> str:
    """Return the text of a known_hosts file that pins each Cell's announced SSH host key."""
    lines = [
        f"{host.address} {host.ssh_host_key}\n"
        for host in hosts
        if host.address is not None and host.ssh_host_key is not None
    ]
    return "".join(lines)


def _variables(host: Host, access: SshAccess) -> dict[str, Json]:
    plain: dict[str, Json] = {
        "ansible_become": True,
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    if host.address is None:
        plain["ansible_connection"] = "local"
    else:
        plain |= {
            "ansible_connection": "ssh",
            "ansible_host": host.address,
            "ansible_user": access.user,
            "ansible_ssh_private_key_file": str(access.key_file),
            "ansible_ssh_common_args": _ssh_arguments(access),
        }
    return {**unsafe(plain), **unsafe(host.variables)}


def _ssh_arguments(access: SshAccess) -> str:
    return (
        f"-o UserKnownHostsFile={access.known_hosts_file} -o GlobalKnownHostsFile=/dev/null "
        "-o StrictHostKeyChecking=yes -o HostKeyAlgorithms=ssh-ed25519 "
        "-o PreferredAuthentications=publickey -o IdentitiesOnly=yes -o ConnectTimeout=10"
    )
