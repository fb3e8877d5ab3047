"""`skep-core`: prepare the Core, serve it, and make tokens; for the operator on the Core's host."""

import logging
import os
import socket
import struct
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import click
import flask_migrate
import structlog
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from apiflask import APIFlask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker
from pydantic import ValidationError

from skep.core import identity
from skep.core.app import MIGRATIONS, create_app, start_background, stop_background
from skep.core.config import CoreConfig
from skep.core.discovery.netif import ipv4_interfaces
from skep.core.services import pools, tokens
from skep.core.store.base import db
from skep.domain.errors import NameTakenError, SkepError

ADMINISTRATOR = "administrator"
_GRACE_S = 5
_PATIENCE = struct.pack("@ll", 30, 0)  # struct timeval: between two bytes of one client
_KEEPALIVE_S = 30


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
    """Make keys, certificates, database, pool `default` and the administrator's token.

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


class CoreWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A gunicorn worker whose event streams end as soon as it is told to stop."""

    def handle(self, conn: Any) -> Any:  # noqa: ANN401 - gunicorn has no types
        """Serve a connection; a client that stalls in the middle gives its thread back."""
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, option, _PATIENCE)
        return super().handle(conn)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Close the streams; otherwise stopping waits `graceful_timeout` for them."""
        self.wsgi.extensions["skep_events"].close()
        super().handle_exit(sig, frame)


class CoreServer(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn with one worker process of many threads; the app is made after the fork."""

    def __init__(self, config: CoreConfig, certificate: Path) -> None:
        self._config = config
        self._certificate = certificate
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's settings; nothing comes from its files or the command line."""
        config = self._config
        settings = {
            "bind": f"{config.host}:{config.port}",
            "worker_class": CoreWorker,
            "workers": 1,
            "threads": config.threads,
            "worker_connections": max(1000, 2 * config.threads),
            "certfile": str(self._certificate),
            "keyfile": str(self._certificate.with_name("server.key")),
            "graceful_timeout": _GRACE_S,
            "keepalive": _KEEPALIVE_S,
            "umask": 0o077,
            "proc_name": "skep-core",
            "loglevel": "warning",
            # Its command channel would be one more way in, and we have no use for it.
            "control_socket_disable": True,
            "post_worker_init": _on_worker_start,
            "worker_exit": _on_worker_exit,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> APIFlask:
        """Make the app, in the worker."""
        return create_app(self._config)


def _on_worker_start(worker: CoreWorker) -> None:
    start_background(worker.wsgi)


def _on_worker_exit(_server: object, worker: CoreWorker) -> None:
    if getattr(worker, "wsgi", None) is not None:
        stop_background(worker.wsgi)


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
