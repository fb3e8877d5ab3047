"""The Core's settings: /etc/skep/core.toml, with SKEP_CORE_* variables in front of it."""

import os
import sys
from pathlib import Path

from flask import current_app
from pydantic import BaseModel, Field, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

DEFAULT_FILE = Path("/etc/skep/core.toml")


class CommunicateDomain(BaseModel):
    """The triple by which modules of one cluster find each other."""

    name: str = "nano"
    group: str = "224.0.0.226"
    port: int = Field(default=5599, ge=1, le=65535)

    @field_validator("group")
    @classmethod
    def _is_link_local(cls, group: str) -> str:
        octets = group.split(".")
        if octets[:3] != ["224", "0", "0"] or len(octets) != 4 or not octets[3].isdigit():  # noqa: PLR2004 - an IPv4 address has 4 octets
            message = f"group {group!r}: legal groups are 224.0.0.0 to 224.0.0.255"
            raise ValueError(message)
        return group


class CoreConfig(BaseSettings):
    """Every setting of the Core; each has a default that works on one host."""

    model_config = SettingsConfigDict(
        env_prefix="SKEP_CORE_", env_nested_delimiter="__", extra="forbid"
    )

    name: str = "core"
    host: str = "0.0.0.0"  # noqa: S104 - the API is meant to be reached; it needs TLS and a token
    port: int = 5870
    state_dir: Path = Path("/var/lib/skep/core")
    run_dir: Path = Path("/run/skep/core")
    project_dir: Path = Path(sys.prefix) / "share" / "skep"
    database_url: str = ""
    domain: CommunicateDomain = CommunicateDomain()
    interfaces: list[str] = []
    offline_after_s: float = 10.0
    image_max_bytes: int = 64 * 2**30
    cell_user: str = "skep"
    threads: int = 256

    @property
    def store_url(self) -> str:
        """Where cluster state is kept; SQLite in the state directory unless set."""
        return self.database_url or f"sqlite:///{self.state_dir / 'core.db'}"

    @property
    def work_url(self) -> str:
        """Where durable work is kept: its own SQLite file, or the same PostgreSQL database."""
        return self.database_url or f"sqlite:///{self.state_dir / 'work.db'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Argument, then environment, then file."""
        del dotenv_settings, file_secret_settings
        path = Path(os.environ.get("SKEP_CORE_CONFIG", DEFAULT_FILE))
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, path))


def current_config() -> CoreConfig:
    """Return the settings of the app whose context this is."""
    config: CoreConfig = current_app.config["SKEP"]
    return config
