"""Nova's own filters and weighers beside policy `nova`: the same Cells in the same order?

Nova is no dependency. In an environment of its own that has numpy and cryptography too:

    python3 -m venv /tmp/nova && /tmp/nova/bin/pip install nova numpy cryptography
    PYTHONPATH=webapp /tmp/nova/bin/python tests/benchmarks/placement_nova.py [hosts [instances]]

Nova runs as in its scheduler, in one process: its enabled filters and all its weighers with their
defaults, over every host, for each instance, the chosen host consumed. What Nova leaves to its
placement service (cores, memory, disk still free) is a plain comparison here; its time counts.
"""

import functools
import random
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import nova.conf
from nova import objects
from nova.scheduler import filters, weights

from skep.core.scheduler import POLICIES, CellRow, Flavor, Fleet, Group, Request, place

SMALL = Flavor(2, 2048, 20)
OURS = {
    "CPUWeigher": "free_cores",
    "BuildFailureWeigher": "few_failures",
    "RAMWeigher": "free_memory",
    "DiskWeigher": "free_disk",
    "IoOpsWeigher": "quiet_io",
}
SERVICE: dict[str, Any] = {
    "host": "any",
    "disabled": False,
    "disabled_reason": None,
    "forced_down": False,
    "last_seen_up": datetime.now(UTC),
}


class Host(SimpleNamespace):
    """The attributes of Nova's HostState that its default filters and weighers read."""


def host(number: int, dice: random.Random) -> Host:
    total = dice.choice([16, 32, 64])
    memory = total * dice.choice([2048, 4096])
    return Host(
        host=f"cell-{number:05}",
        nodename=f"cell-{number:05}",
        uuid=f"id-{number}",
        vcpus_total=total,
        vcpus_used=dice.randrange(total),
        cpu_allocation_ratio=4.0,
        free_ram_mb=memory - dice.randrange(memory // 2),
        total_usable_ram_mb=memory,
        free_disk_mb=1024 * dice.randrange(200, 2000),
        num_io_ops=dice.randrange(4),
        num_instances=dice.randrange(20),
        failed_builds=0.0 if dice.random() < 0.95 else 1.0,
        instances={},
        aggregates=[],
        pci_stats=None,
        metrics=None,
        cell_uuid=None,
        hypervisor_version=9_000_000,
        service=SERVICE,
        supported_instances=[],
        stats={},
    )


def row(each: Host) -> CellRow:
    disk = each.free_disk_mb // 1024
    return CellRow(
        id=each.uuid,
        name=each.host,
        cpus=each.vcpus_total,
        promised_cores=each.vcpus_used,
        memory_mib=each.total_usable_ram_mb,
        promised_memory_mib=each.total_usable_ram_mb - each.free_ram_mb,
        disk_gib=disk,
        io_load=each.num_io_ops,
        instances=each.num_instances,
        failures=each.failed_builds,
    )


def fits(each: Host) -> bool:
    free = each.vcpus_total * each.cpu_allocation_ratio - each.vcpus_used
    return (
        each.vcpus_total >= SMALL.cores
        and free >= SMALL.cores
        and each.free_ram_mb >= SMALL.memory_mib
        and each.free_disk_mb >= SMALL.disk_gib * 1024
    )


def consume(each: Host) -> None:
    each.vcpus_used += SMALL.cores
    each.free_ram_mb -= SMALL.memory_mib
    each.free_disk_mb -= SMALL.disk_gib * 1024
    each.num_io_ops += 1
    each.num_instances += 1


class Nova:
    """Nova's default filters and weighers, loaded as its host manager loads them."""

    def __init__(self) -> None:
        objects.register_all()
        settings = nova.conf.CONF.filter_scheduler
        self._filters, self._weights = filters.HostFilterHandler(), weights.HostWeightHandler()
        found = self._filters.get_matching_classes(settings.available_filters)
        named = {each.__name__: each for each in found}
        self.filters = [named[name]() for name in settings.enabled_filters]
        self.weighers = [
            each() for each in self._weights.get_matching_classes(settings.weight_classes)
        ]

    def order(self) -> list[str]:
        """Our names of its weighers in its order, which decides the last bit of a sum."""
        every = (type(each).__name__ for each in self.weighers)
        return [OURS[name] for name in every if name in OURS]

    def choose(self, hosts: list[Host]) -> Host | None:
        left = [each for each in hosts if fits(each)]
        left = list(self._filters.get_filtered_objects(self.filters, left, spec()))
        weighed = self._weights.get_weighed_objects(self.weighers, left, spec())
        return weighed[0].obj if weighed else None


@functools.cache
def spec() -> Any:
    """Nova's request: our flavor, nothing else asked for."""
    flavor = objects.Flavor(
        vcpus=SMALL.cores, memory_mb=SMALL.memory_mib, root_gb=SMALL.disk_gib, extra_specs={}
    )
    image = objects.ImageMeta(properties=objects.ImageMetaProps())
    return objects.RequestSpec(
        instance_uuid="00000000-0000-4000-8000-000000000000",
        flavor=flavor,
        image=image,
        instance_group=None,
        requested_destination=None,
        scheduler_hints={},
    )


def chosen_by_nova(nova_: Nova, hosts: list[Host], count: int) -> tuple[list[str], float]:
    chosen, started = [], time.process_time()
    for _ in range(count):
        SERVICE["last_seen_up"] = datetime.now(UTC)
        best = nova_.choose(hosts)
        if best is None:
            break
        consume(best)
        chosen.append(best.host)
    return chosen, time.process_time() - started


def chosen_by_us(fleet: Fleet, count: int, order: list[str]) -> tuple[list[str], float]:
    policy = POLICIES["nova"]
    policy = replace(policy, multipliers={name: policy.multipliers[name] for name in order})
    names = tuple(f"vm-{number}" for number in range(count))
    request = Request((Group(names, SMALL, min_count=0),))
    started = time.process_time()
    plan = place(request, fleet, policy, 0.0)
    return [each.cell for each in plan.assignments], time.process_time() - started


def main() -> None:
    size, count = (int(each) for each in (*sys.argv[1:3], *("1000", "100")[len(sys.argv) - 1 :]))
    dice = random.Random(4)  # noqa: S311  a fleet that is the same in every run
    hosts = [host(number, dice) for number in range(size)]
    fleet = Fleet(row(each) for each in hosts)
    nova_ = Nova()
    print("filters", *(type(each).__name__ for each in nova_.filters))
    print("weighers", *(type(each).__name__ for each in nova_.weighers))
    theirs, slow = chosen_by_nova(nova_, hosts, count)
    ours, fast = chosen_by_us(fleet, count, nova_.order())
    same = sum(one == other for one, other in zip(ours, theirs, strict=False))
    print(f"{count} instances on {size} hosts; the same host in {same} of {len(theirs)} choices")
    print(f"Nova {1000 * slow / count:.2f} ms an instance, here {1000 * fast / count:.4f} ms")
    print(f"ratio {slow / fast:,.0f}")
    if ours != theirs:
        sys.exit("the choices differ")


if __name__ == "__main__":
    main()
