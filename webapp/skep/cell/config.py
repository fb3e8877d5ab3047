"""The daemon's settings, from /etc/skep/cell.toml; each has a default, even the file."""

import re
import socket
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skep.domain.announcement import DEFAULT_DOMAIN, DEFAULT_GROUP, DEFAULT_PORT

DEFAULT_FILE = Path("/etc/skep/cell.toml")

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_GROUP = re.compile(r"224\.0\.0\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])")
_PORT_MAX = 65535


class ConfigError(Exception):
    """A setting cannot be used; the message names it, its value and what is legal."""


@dataclass(frozen=True)
class Domain:
    """The communicate domain: the triple by which modules of one cluster find each other."""

    name: str = DEFAULT_DOMAIN
    group: str = DEFAULT_GROUP
    port: int = DEFAULT_PORT


@dataclass(frozen=True)
class Config:
    """Settings of one Cell. No interfaces means every usable one."""

    name: str
    domain: Domain = Domain()
    interfaces: tuple[str, ...] = ()
    state_dir: Path = Path("/var/lib/skep/cell")
    run_dir: Path = Path("/run/skep")
    data_dir: Path = Path("/var/lib/skep")
    membership_file: Path = Path("/etc/skep/membership.json")
    libvirt_uri: str = "qemu:///system"
    qemu: str = "qemu-system-x86_64"


def load_config(path: Path) -> Config:
    """Settings in the file, or the defaults if there is none; ConfigError if one is wrong."""
    try:
        with path.open("rb") as file:
            return parse_config(tomllib.load(file), socket.gethostname())
    except FileNotFoundError:
        return parse_config({}, socket.gethostname())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_config(settings: dict[str, Any], hostname: str) -> Config:
    """Checked settings; an empty or missing name becomes the host's."""
    values = dict(settings)
    name = values.pop("name", "") or name_from(hostname)
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise ConfigError(f"name {name!r}: a label of a-z, 0-9 and '-' is needed, 63 at most")
    domain = _domain(values.pop("domain", {}))
    interfaces = values.pop("interfaces", [])
    if not isinstance(interfaces, list) or not all(isinstance(each, str) for each in interfaces):
        raise ConfigError(f"interfaces {interfaces!r}: a list of interface names is needed")
    return Config(name=name, domain=domain, interfaces=tuple(interfaces), **_others(values))


def name_from(hostname: str) -> str:
    """The host's name as a legal Cell name: first label, lower case, the rest dashes."""
    label = re.sub(r"[^a-z0-9-]", "-", hostname.split(".", maxsplit=1)[0].lower())
    return label[:63].strip("-") or "cell"


def _domain(table: Any) -> Domain:  # noqa: ANN401 - whatever TOML held
    if not isinstance(table, dict) or table.keys() - {"name", "group", "port"}:
        raise ConfigError(f"domain {table!r}: a table of name, group and port is needed")
    domain = Domain(**table)
    if _DOMAIN.fullmatch(str(domain.name)) is None:
        raise ConfigError(f"domain.name {domain.name!r}: 1 to 63 of A-Z a-z 0-9 . _ - are legal")
    if _GROUP.fullmatch(str(domain.group)) is None:
        raise ConfigError(f"domain.group {domain.group!r}: legal are 224.0.0.0 to 224.0.0.255")
    if type(domain.port) is not int or not 1 <= domain.port <= _PORT_MAX:
        raise ConfigError(f"domain.port {domain.port!r}: legal are 1 to {_PORT_MAX}")
    return domain


def _others(values: dict[str, Any]) -> dict[str, Any]:
    texts = {"libvirt_uri", "qemu"}
    paths = {"state_dir", "run_dir", "data_dir", "membership_file"}
    for key, value in values.items():
        if key not in texts | paths:
            raise ConfigError(f"{key}: no such setting; see the reference of cell.toml")
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{key} {value!r}: a text is needed")
    return {key: Path(value) if key in paths else value for key, value in values.items()}
