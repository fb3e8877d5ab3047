"""The Core as a Flask app, and the background work that goes with one serving process."""

import threading
from pathlib import Path

import structlog
from apiflask import APIFlask
from flask_migrate import Migrate
from sqlalchemy import select

import skep
from skep.core import identity
from skep.core.api import cells as cells_api
from skep.core.api import events as events_api
from skep.core.api import images as images_api
from skep.core.api import instances as instances_api
from skep.core.api import pools as pools_api
from skep.core.api import runs as runs_api
from skep.core.api import status as status_api
from skep.core.api.placement import capacity as capacity_api
from skep.core.api.placement import flavors as flavors_api
from skep.core.api.placement import instance_groups as instance_groups_api
from skep.core.api.placement import placements as placements_api
from skep.core.api.placement import reservations as reservations_api
from skep.core.api.protocol.auth import register_auth
from skep.core.api.protocol.exchange import register_exchange
from skep.core.api.protocol.idempotency import forget_unanswered, register_idempotency
from skep.core.api.protocol.openapi import configure_openapi
from skep.core.api.protocol.problems import register_problems
from skep.core.config import CoreConfig
from skep.core.discovery.discovery import Discovery
from skep.core.discovery.settings import DiscoverySettings
from skep.core.runner import durable
from skep.core.scheduler.extensions import load_catalogue
from skep.core.services import events, images, observations, runs
from skep.core.services.events import EventFeed
from skep.core.services.heard import Heard
from skep.core.services.placement.fleet import ResidentFleet, resident_fleet
from skep.core.services.placement.plans import forget_plans
from skep.core.store import touched
from skep.core.store.base import db, prepare_engine, reading, utc_now, writing
from skep.core.store.lookup import MEMBER_STATES
from skep.core.store.models import Cell

log = structlog.get_logger(__name__)

MIGRATIONS = Path(__file__).parent / "store" / "migrations"
_EXPIRY_S = 1.0
_TRIM_EVERY = 600  # ticks of the timer
_REREAD_EVERY = 5
_BLUEPRINTS = (
    capacity_api,
    cells_api,
    events_api,
    flavors_api,
    images_api,
    instance_groups_api,
    instances_api,
    placements_api,
    pools_api,
    reservations_api,
    runs_api,
    status_api,
)


def create_app(config: CoreConfig) -> APIFlask:
    """Return the app; starts no thread and writes nothing. `skep-core init` must have been here."""
    app = APIFlask(
        "skep.core",
        title="Skep Core",
        version=skep.__version__,
        spec_path="/openapi.json",
        docs_path=None,
        json_errors=False,
        static_folder=None,  # type: ignore[arg-type]  # Flask takes None; APIFlask says less
    )
    app.config["SKEP"] = config
    app.config["SQLALCHEMY_DATABASE_URI"] = config.store_url
    # Every thread may need a connection at once; a request holds one for milliseconds.
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_size": 16, "max_overflow": config.threads}
    configure_openapi(app)
    register_exchange(app)
    register_auth(app)
    register_idempotency(app)
    register_problems(app)
    for each in _BLUEPRINTS:
        app.register_blueprint(each.bp)
    _attach(app, config)
    return app


def _attach(app: APIFlask, config: CoreConfig) -> None:
    db.init_app(app)
    Migrate(app, db, directory=str(MIGRATIONS), render_as_batch=True)
    with app.app_context():
        prepare_engine(db.engine)
        app.extensions["skep_events"] = EventFeed(db.engine)
    fleet, heard = ResidentFleet(load_catalogue()), Heard()
    app.extensions["skep_fleet"], app.extensions["skep_heard"] = fleet, heard
    app.extensions[touched.LISTENERS] = (fleet.touch, heard.forget)
    app.extensions["skep_seats"] = events_api.seats_for(config)
    app.extensions["skep_discovery"] = lambda: {"received": 0, "dropped": {}}
    app.extensions["skep_identity"] = identity.load_identity(config.state_dir)


class Timer:
    """Calls a function each second inside the app's context, whatever it raises."""

    def __init__(self, app: APIFlask) -> None:
        self._app = app
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="skep-timer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the tick under way."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _tick(self) -> None:
        ticks = 0
        while not self._stop.wait(_EXPIRY_S):
            ticks += 1
            try:
                with self._app.app_context():
                    _work_of_a_second(self._app.config["SKEP"], ticks)
            except Exception:
                # The timer outlives a locked or full database; the next second tries again.
                log.exception("timer")


def start_background(app: APIFlask) -> None:
    """Start what one serving process does beside requests: durable work, discovery, the timer.

    First it takes up what a killed process left: half uploads, unanswered requests, open runs.
    """
    config: CoreConfig = app.config["SKEP"]
    with app.app_context():
        stray = images.tidy()
        forget_unanswered()
    if stray:
        log.info("removed stray files from the image store", files=stray)
    durable.configure(config.work_url, app.app_context)
    durable.launch()
    with app.app_context():
        runs.resume()
    timer = Timer(app)
    timer.start()
    discovery = _start_discovery(app, config)
    app.extensions["skep_discovery"] = discovery.counters
    app.extensions["skep_background"] = (discovery.stop, timer.stop, durable.shutdown)
    log.info("the Core is up", url=f"https://{config.host}:{config.port}", zone=config.domain.name)


def stop_background(app: APIFlask) -> None:
    """Stop it all; what runs is taken up again by the next start."""
    app.extensions["skep_events"].close()
    for stop in app.extensions.pop("skep_background", ()):
        stop()


def _work_of_a_second(config: CoreConfig, ticks: int) -> None:
    now = utc_now()
    observations.flush()
    # While the Core was down nobody listened: silence counts from its start.
    if ticks * _EXPIRY_S > config.offline_after_s:
        observations.expire_silent(now)
    if ticks % _TRIM_EVERY == 0:
        with writing() as session:
            events.trim(session, now)
            forget_plans(session, now)
    if ticks % _REREAD_EVERY == 0 and config.database_url:
        resident_fleet().forget()  # other Cores may be on this database


def _start_discovery(app: APIFlask, config: CoreConfig) -> Discovery:
    def members() -> list[bytes]:
        with app.app_context(), reading() as session:
            query = select(Cell.public_key).where(Cell.state.in_(MEMBER_STATES))
            return list(session.scalars(query))

    settings = _discovery_settings(config)
    discovery = Discovery(settings, observations.observe, members, app.app_context)
    discovery.start()
    return discovery


def _discovery_settings(config: CoreConfig) -> DiscoverySettings:
    return DiscoverySettings(
        name=config.name,
        api_port=config.port,
        certificate_sha256=identity.certificate_sha256(config.state_dir / "tls" / "server.pem"),
        key=identity.load_identity(config.state_dir).key,
        domain=config.domain.name,
        group=config.domain.group,
        port=config.domain.port,
        interfaces=tuple(config.interfaces),
    )
