"""`skep-core`: prepare the Core, serve it, and make tokens; for the operator on the Core's host."""

import logging
import os
import socket
import sys
from pathlib import Path
from typing import Any

import click
import flask_migrate
import structlog
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from apiflask import APIFlask
from pydantic import ValidationError

from skep.core import identity
from skep.core.app import MIGRATIONS, create_app
from skep.core.config import CoreConfig
from skep.core.discovery.netif import ipv4_interfaces
from skep.core.server import CoreServer
from skep.core.services import pools, tokens
from skep.core.services.placement import flavors
from skep.core.store.base import db
from skep.domain.errors import NameTakenError, SkepError

ADMINISTRATOR = "administrator"


class CoreGroup(click.Group):
    """Commands whose known errors are one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (SkepError, OSError) as error:
            raise click.ClickException(str(error)) from error
        except ValidationError as error:
            raise click.ClickException(f"the configuration is not usable: {error}") from error


@click.group(cls=CoreGroup)
@click.version_option(package_name="skep")
def main() -> None:
    """Prepare and serve a Skep Core. Settings: /etc/skep/core.toml and SKEP_CORE_* variables."""


@main.command()
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the administrator's token here as well, mode 0600.",
)
def init(token_file: Path | None) -> None:
    """Make keys, certificates, database, pool `default`, flavors and the administrator's token.

    Run it again at any time: it makes what is missing and brings the database up to date.
    """
    config = CoreConfig()
    _make_directories(config)
    identity.ensure_identity(config.state_dir)
    identity.ensure_ca(config.state_dir)
    identity.ensure_ssh_key(config.state_dir)
    app = create_app(config)
    with app.app_context():
        flask_migrate.upgrade(str(MIGRATIONS))
        flavors.ensure_default_flavors()
        pools.ensure_default_pool()
        _make_administrator(token_file)
    click.echo(f"Core {app.extensions['skep_identity'].fingerprint} is ready", err=True)


@main.command()
def serve() -> None:
    """Serve the API over TLS until told to stop."""
    config = _initialised()
    _log_to_stderr()
    _require_current_database(config)
    hostname = socket.gethostname().lower()
    certificate = identity.ensure_server_certificate(config.state_dir, hostname, _addresses(config))
    CoreServer(config, certificate).run()


@main.group()
def token() -> None:
    """Tokens for the API."""


@token.command("create")
@click.argument("name")
@click.option("--days", type=click.IntRange(1, 3650), help="How long it is good; default for ever.")
def create_token(name: str, days: int | None) -> None:
    """Make a token and print it; it is shown this once."""
    with _app().app_context():
        click.echo(tokens.create_token(name, days))


@token.command("list")
def list_tokens() -> None:
    """List tokens by name; their secrets are not kept."""
    with _app().app_context():
        for each in tokens.list_tokens():
            until = each["expires_at"] or "for ever"
            click.echo(f"{each['name']}\tsince {each['created_at']}\tuntil {until}")


@token.command("revoke")
@click.argument("name")
def revoke_token(name: str) -> None:
    """Remove a token; what uses it is refused at once."""
    with _app().app_context():
        tokens.revoke_token(name)


def _require_current_database(config: CoreConfig) -> None:
    app = create_app(config)
    with app.app_context():
        current = MigrationContext.configure(db.session.connection()).get_current_heads()
        wanted = ScriptDirectory(str(MIGRATIONS)).get_heads()
        db.session.remove()
        db.engine.dispose()
    if set(current) != set(wanted):
        raise click.ClickException(
            f"the database is at revision {current or 'none'}, this version needs {wanted}; "
            "run `skep-core init`"
        )


def _log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _addresses(config: CoreConfig) -> list[str]:
    """Return the addresses by which clients may reach the Core."""
    if config.host != "0.0.0.0":  # noqa: S104 - a comparison
        return [config.host]
    return [each.address for each in ipv4_interfaces(config.interfaces)]


def _app() -> APIFlask:
    return create_app(_initialised())


def _initialised() -> CoreConfig:
    config = CoreConfig()
    if not (config.state_dir / "identity.pem").exists():
        raise click.ClickException(f"{config.state_dir} holds no Core; run `skep-core init`")
    return config


def _make_directories(config: CoreConfig) -> None:
    for each in (config.state_dir, config.run_dir):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
        each.chmod(0o700)


def _make_administrator(token_file: Path | None) -> None:
    try:
        secret = tokens.create_token(ADMINISTRATOR)
    except NameTakenError:
        return
    click.echo(secret)
    if token_file is not None:
        token_file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(secret + "\n")


if __name__ == "__main__":
    main()
