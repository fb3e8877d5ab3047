"""Where the Core is and who asks: the environment first, then a file that only its owner reads."""

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from skep.domain.errors import SkepError

if TYPE_CHECKING:
    from skep.client.api import CoreApi
    from skep.client.transport import Endpoint

_VARIABLES = {"url": "SKEP_URL", "token": "SKEP_TOKEN", "ca_file": "SKEP_CA_FILE"}
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SettingsError(SkepError):
    """The set-up of the command line cannot be used."""

    code: ClassVar[str] = "bad_settings"


@dataclass(eq=False)
class ExposedSettingsError(SettingsError):
    """Other users can read the token."""

    template: ClassVar[str] = (
        "{path}: others may read it (mode {mode:04o}) and it holds your token; "
        "`chmod 600 {path}`, and make a new token if somebody may have seen this one"
    )
    path: Path
    mode: int


@dataclass(eq=False)
class BrokenSettingsError(SettingsError):
    """The file is not what it should be."""

    template: ClassVar[str] = "{path}: {reason}"
    path: Path
    reason: str


@dataclass(eq=False)
class MissingSettingError(SettingsError):
    """Neither the environment nor the file tells what is needed."""

    template: ClassVar[str] = 'no {key} is set; set {variable}, or write {key} = "..." into {path}'
    key: str
    variable: str
    path: Path


def settings_path(environment: Mapping[str, str]) -> Path:
    """Return the path of the file, which need not exist."""
    base = environment.get("XDG_CONFIG_HOME")
    home = Path(environment.get("HOME") or Path.home())
    return (Path(base) if base else home / ".config") / "skep" / "config.toml"


def load_endpoint(environment: Mapping[str, str]) -> "Endpoint":
    """Return the Core's endpoint, or raise SettingsError with what to do."""
    from skep.client.transport import Endpoint  # noqa: PLC0415 - loads requests

    path = settings_path(environment)
    values = _read(path)
    for key, variable in _VARIABLES.items():
        if environment.get(variable):
            values[key] = environment[variable]
    for key in ("url", "token"):
        if not values.get(key):
            raise MissingSettingError(key, _VARIABLES[key], path)
    if not values["token"].isascii() or not values["token"].isprintable():
        raise BrokenSettingsError(path, "the token holds characters that no token has")
    ca_file = Path(values["ca_file"]).expanduser() if values.get("ca_file") else None
    return Endpoint(url=values["url"], token=values["token"].strip(), ca_file=ca_file)


def connect(timeout_s: float | None = None) -> "CoreApi":
    """Return a connection to the Core that the person has set up."""
    from skep.client.api import CoreApi  # noqa: PLC0415 - loads requests and pydantic

    endpoint = load_endpoint(os.environ)
    if timeout_s is not None:
        endpoint = replace(endpoint, connect_timeout_s=timeout_s, read_timeout_s=timeout_s)
    return CoreApi(endpoint)


def _read(path: Path) -> dict[str, str]:
    """Return the file's values, with a relative ca_file seen from the file's folder."""
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if mode & _OTHERS:
                raise ExposedSettingsError(path, mode)
            values: dict[str, Any] = tomllib.load(stream)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BrokenSettingsError(path, error.strerror or str(error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BrokenSettingsError(path, f"not TOML: {error}") from error
    wrong = sorted(set(values) - set(_VARIABLES))
    wrong += [key for key, value in values.items() if not isinstance(value, str)]
    if wrong:
        known = ", ".join(_VARIABLES)
        raise BrokenSettingsError(path, f"{wrong[0]!r} is not known; texts named {known} are")
    if values.get("ca_file"):
        values["ca_file"] = str(path.parent / Path(values["ca_file"]).expanduser())
    return values
