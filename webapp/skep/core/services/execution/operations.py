"""What each operation sends to which Cell: from the store's rows to hosts and their data.

The playbook has the operation's name; the data are the lists that its modules read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from skep.core.runner.inventory import Host
from skep.core.runner.outcomes import Subject
from skep.core.store.models import Cell, Image, Instance
from skep.domain.states import ImageState, KvmState

Json = Any


@dataclass(frozen=True)
class Work:
    """One run's hosts and subjects; `deciding` is the module whose answer is the final word."""

    deciding: str | None
    hosts: Sequence[Host]
    subjects: Sequence[Subject]


@dataclass(frozen=True)
class ImageSource:
    """Where Cells fetch images in this run: by Cell address, with a pinned CA and a ticket."""

    ca_pem: str
    ticket: str
    url_for: Callable[[Cell, Image], str]


@dataclass
class _Bundle:
    cell: Cell
    groups: set[str] = field(default_factory=set)
    variables: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, item: Mapping[str, Json]) -> None:
        items = self.variables.setdefault(name, [])
        if item not in items:
            items.append(dict(item))


class _Bundles:
    """Hosts under construction, one per Cell."""

    def __init__(self) -> None:
        self._by_cell: dict[str, _Bundle] = {}

    def of(self, cell: Cell) -> _Bundle:
        return self._by_cell.setdefault(cell.id, _Bundle(cell))

    def hosts(self) -> list[Host]:
        return [
            cell_host(each.cell, each.variables, tuple(sorted(each.groups)))
            for each in self._by_cell.values()
        ]


def cell_host(cell: Cell, variables: Mapping[str, Json], groups: Sequence[str] = ()) -> Host:
    """Return one Cell as Ansible reaches it."""
    if cell.is_local:
        return Host(cell.name, None, None, groups, variables)
    return Host(cell.name, cell.address, cell.ssh_host_key, groups, variables)


def create(instances: Sequence[Instance], source: ImageSource) -> Work:
    """Place the image, make an overlay, define and start the domain."""
    bundles = _Bundles()
    for instance in instances:
        cell = _cell_of(instance)
        bundle = bundles.of(cell)
        _add_image(bundle, instance.image, source)
        bundle.add("skep_volumes", _volume(instance))
        bundle.add("skep_domains", _domain(instance, cell))
    subjects = [
        Subject(each.id, _cell_of(each).name, depends_on=frozenset({str(each.image.sha256)}))
        for each in instances
    ]
    return Work("domain", bundles.hosts(), subjects)


def power(instances: Sequence[Instance], state: str, parameters: Mapping[str, Json]) -> Work:
    """Start, stop or restart domains that exist."""
    bundles = _Bundles()
    for instance in instances:
        force = bool(parameters.get("force", False))
        item = {"uuid": instance.id, "name": instance.name, "state": state, "force": force}
        bundles.of(_cell_of(instance)).add("skep_domains", item)
    return Work("domain", bundles.hosts(), _subjects(instances))


def delete(instances: Sequence[Instance]) -> Work:
    """Remove domains, then their volumes."""
    bundles = _Bundles()
    for instance in instances:
        bundle = bundles.of(_cell_of(instance))
        item = {"uuid": instance.id, "name": instance.name, "state": "absent", "force": True}
        bundle.add("skep_domains", item)
        bundle.add("skep_volumes", {"name": volume_name(instance.id), "state": "absent"})
    return Work("volume", bundles.hosts(), _subjects(instances))


def migrate(instances: Sequence[Instance], source: ImageSource) -> Work:
    """Prepare image and overlay on each target, then migrate from each source Cell."""
    bundles = _Bundles()
    for instance in instances:
        target = _target_of(instance)
        receiver = bundles.of(target)
        receiver.groups.add("migration_targets")
        _add_image(receiver, instance.image, source)
        receiver.add("skep_volumes", _volume(instance))
        sender = bundles.of(_cell_of(instance))
        sender.groups.add("migration_sources")
        sender.add("skep_migrations", _migration(instance, target))
    subjects = [
        Subject(
            each.id,
            _cell_of(each).name,
            helpers=frozenset({_target_of(each).name}),
            depends_on=frozenset({str(each.image.sha256)}),
        )
        for each in instances
    ]
    return Work("domain_migrate", bundles.hosts(), subjects)


def volume_name(instance_id: str) -> str:
    """Return the name of an instance's system volume."""
    return f"{instance_id}-vda"


def images_remove(image: Image, cells: Sequence[Cell]) -> Work:
    """Remove an image's copies from Cells."""
    item = {"sha256": image.sha256, "state": "absent"}
    hosts = [cell_host(cell, {"skep_images": [item]}) for cell in cells]
    subjects = [Subject(cell.id, cell.name, depends_on=_shas([image])) for cell in cells]
    return Work("image", hosts, subjects)


def whole_cell(cell: Cell, variables: Mapping[str, Json]) -> Work:
    """Let the play as a whole decide about one Cell (leaving)."""
    return Work(None, [cell_host(cell, variables)], [Subject(cell.id, cell.name)])


def able_cell(cell: Cell, variables: Mapping[str, Json]) -> Work:
    """Let a Cell's answer about what it can do decide (joining, refreshing)."""
    asked = {**variables, "skep_domain_type": _domain_type(cell)}
    return Work("cell_info", [cell_host(cell, asked)], [Subject(cell.id, cell.name)])


def _shas(images: Sequence[Image]) -> frozenset[str]:
    return frozenset(str(image.sha256) for image in images)


def _subjects(instances: Sequence[Instance]) -> list[Subject]:
    return [Subject(each.id, _cell_of(each).name) for each in instances]


def _cell_of(instance: Instance) -> Cell:
    if instance.cell is None:
        raise RuntimeError(f"instance {instance.id} has no Cell")  # placed ones always have
    return instance.cell


def _target_of(instance: Instance) -> Cell:
    if instance.target is None:
        raise RuntimeError(f"instance {instance.id} migrates nowhere")  # accepted ones have one
    return instance.target


def _add_image(bundle: _Bundle, image: Image, source: ImageSource) -> None:
    if image.state != ImageState.READY:
        raise RuntimeError(f"image {image.id} is {image.state}")  # checked when accepted
    bundle.variables["skep_image_ca_pem"] = source.ca_pem
    bundle.variables["skep_image_token"] = source.ticket
    item = {
        "sha256": image.sha256,
        "size_bytes": image.size_bytes,
        "url": source.url_for(bundle.cell, image),
        "state": "present",
    }
    bundle.add("skep_images", item)


def _volume(instance: Instance) -> dict[str, Json]:
    return {
        "name": volume_name(instance.id),
        "size_bytes": instance.disk_gib * 2**30,
        "backing_image": instance.image.sha256,
        "state": "present",
    }


def _domain(instance: Instance, cell: Cell) -> dict[str, Json]:
    return {
        "uuid": instance.id,
        "name": instance.name,
        "state": "running",
        "memory_mib": instance.memory_mib,
        "vcpus": instance.cores,
        "domain_type": _domain_type(cell),
        "disks": [{"volume": volume_name(instance.id)}],
    }


def _domain_type(cell: Cell) -> str:
    return "kvm" if cell.kvm == KvmState.USABLE else "qemu"


def _migration(instance: Instance, target: Cell) -> dict[str, Json]:
    return {
        "uuid": instance.id,
        "target": target.name,
        "target_uri": f"qemu+tls://{target.address}/system",
        "target_address": target.address,
        "copy_storage": True,
    }
