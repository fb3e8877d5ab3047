"""From a run's row to the work it means: which rows it reads and what the Core adds itself."""

import socket
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from skep.core import identity
from skep.core.config import current_config
from skep.core.runner.playbook import RunnerPaths
from skep.core.services import images
from skep.core.services.execution import operations
from skep.core.services.execution.effects import TRANSIENT, touch
from skep.core.services.execution.operations import ImageSource, Work
from skep.core.store.base import utc_now
from skep.core.store.models import Cell, Image, Instance, Run
from skep.domain.states import OutcomeState

_DOMAIN_STATE = {
    "instances_start": "running",
    "instances_stop": "shutoff",
    "instances_reboot": "restarted",
}


def prepare(session: Session, run: Run, pending: Sequence[str]) -> Work:
    """Return the work for the resources without an outcome; instances turn transient."""
    return _PREPARE[run.operation](session, run, pending)


def leftovers(session: Session, run: Run) -> Work | None:
    """Return what a creation that failed in part must take back, or None."""
    failed = [each.resource_id for each in run.outcomes if each.state != OutcomeState.SUCCEEDED]
    if run.operation != "instances_create" or not failed:
        return None
    instances = list(session.scalars(select(Instance).where(Instance.id.in_(failed))))
    return operations.delete(instances) if instances else None


def runner_paths() -> RunnerPaths:
    """Return where runs live."""
    settings = current_config()
    return RunnerPaths(
        project_dir=settings.project_dir,
        run_dir=settings.run_dir / "runs",
        control_dir=settings.run_dir / "cp",
        key_file=settings.state_dir / "ssh" / "id_ed25519",
        user=settings.cell_user,
    )


def address_towards(cell: Cell) -> str:
    """Return the Core's own address as this Cell sees it."""
    if cell.is_local or cell.address is None:
        return "127.0.0.1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((cell.address, 9))  # sends nothing; the kernel picks the route
        return str(probe.getsockname()[0])


def _instances(session: Session, run: Run, pending: Sequence[str]) -> list[Instance]:
    found = list(session.scalars(select(Instance).where(Instance.id.in_(pending))))
    for instance in found:
        touch(session, instance, TRANSIENT[run.operation], utc_now())
    return sorted(found, key=lambda each: pending.index(each.id))


def _create(session: Session, run: Run, pending: Sequence[str]) -> Work:
    instances = _instances(session, run, pending)
    _note_copies(session, {(each.image_id, str(each.cell_id)) for each in instances})
    return operations.create(instances, _source(instances[0].image, run))


def _power(session: Session, run: Run, pending: Sequence[str]) -> Work:
    state = _DOMAIN_STATE[run.operation]
    return operations.power(_instances(session, run, pending), state, run.parameters)


def _delete(session: Session, run: Run, pending: Sequence[str]) -> Work:
    return operations.delete(_instances(session, run, pending))


def _migrate(session: Session, run: Run, pending: Sequence[str]) -> Work:
    instances = _instances(session, run, pending)
    _note_copies(session, {(each.image_id, str(each.target_id)) for each in instances})
    return operations.migrate(instances, _source(instances[0].image, run))


def _note_copies(session: Session, copies: AbstractSet[tuple[str, str]]) -> None:
    for image_id, cell_id in sorted(copies):
        images.note_copy(session, image_id, cell_id)


def _accept(session: Session, run: Run, pending: Sequence[str]) -> Work:
    cell = session.get_one(Cell, pending[0])
    return operations.able_cell(cell, _membership(cell, str(run.parameters["pool"])))


def _remove(session: Session, run: Run, pending: Sequence[str]) -> Work:
    del run
    return operations.whole_cell(session.get_one(Cell, pending[0]), {})


def _refresh(session: Session, run: Run, pending: Sequence[str]) -> Work:
    del run
    return operations.able_cell(session.get_one(Cell, pending[0]), {})


def _images_remove(session: Session, run: Run, pending: Sequence[str]) -> Work:
    image = session.get_one(Image, str(run.parameters["image_id"]))
    cells = list(session.scalars(select(Cell).where(Cell.id.in_(pending))))
    return operations.images_remove(image, cells)


def _source(image: Image, run: Run) -> ImageSource:
    port = current_config().port

    def url_for(cell: Cell, wanted: Image) -> str:
        return f"https://{address_towards(cell)}:{port}/api/v1/images/{wanted.id}/content"

    ca_pem = _tls("ca.pem").read_text()
    return ImageSource(ca_pem, images.issue_ticket(image.id, run.id), url_for)


def _membership(cell: Cell, pool: str) -> dict[str, Any]:
    certificate = identity.issue_cell_certificate(
        identity.load_ca(current_config().state_dir), cell.name, cell.addresses, cell.public_key
    )
    core = identity.load_identity(current_config().state_dir)
    return {
        "skep_ca_pem": _tls("ca.pem").read_text(),
        "skep_certificate_pem": certificate,
        "skep_membership": {
            "core_id": core.id,
            "core_public_key": core.public_key_b64,
            "pool": pool,
            "core_url": f"https://{address_towards(cell)}:{current_config().port}",
        },
    }


def _tls(name: str) -> Path:
    return current_config().state_dir / "tls" / name


_PREPARE: dict[str, Callable[[Session, Run, Sequence[str]], Work]] = {
    "instances_create": _create,
    "instances_start": _power,
    "instances_stop": _power,
    "instances_reboot": _power,
    "instances_delete": _delete,
    "instances_migrate": _migrate,
    "cells_accept": _accept,
    "cells_refresh": _refresh,
    "cells_remove": _remove,
    "images_remove": _images_remove,
}
