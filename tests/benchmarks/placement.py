"""How fast a whole request is planned, beside placing its instances one by one in plain Python.

`PYTHONPATH=webapp:. python3 tests/benchmarks/placement.py [instances placed one by one, 5]`

Every line is the best of several rounds in this one run. The loop is the tests' reference, which
gives the same plan (checked here on what it placed); its time for the whole request is its time
per instance times their number, since each instance costs it one look at every Cell.
"""

import gc
import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from tests.unit.core.scheduler.reference import place_one_by_one

from skep.core.scheduler import (
    POLICIES,
    CellRow,
    Flavor,
    Fleet,
    Group,
    Policy,
    Record,
    Request,
    capacity,
    explain,
    place,
    record,
    recorded_fleet,
    recorded_plan,
)

CELLS = 10_000
NOW = 1_000.0
SMALL = Flavor(2, 2048, 20)


def cell(number: int, dice: random.Random) -> CellRow:
    cpus = dice.choice([16, 32, 64])
    memory = cpus * dice.choice([2048, 4096, 8192])
    return CellRow(
        id=f"id-{number}",
        name=f"cell-{number:05}",
        cpus=cpus,
        memory_mib=memory,
        disk_gib=dice.choice([1000, 2000, 4000]),
        promised_cores=dice.randrange(cpus),
        promised_memory_mib=dice.randrange(memory // 2),
        promised_disk_gib=dice.randrange(500),
        instances=dice.randrange(20),
        load1=dice.uniform(0.0, cpus / 2),
        memory_used_mib=dice.randrange(memory // 2),
        io_load=dice.randrange(3),
        recent_cores=float(dice.randrange(5)),
        recent_at=NOW - dice.uniform(0, 300),
        images=frozenset({"debian"} if dice.random() < 0.2 else ()),
        tags=frozenset({dice.choice(["ssd", "hdd"])}),
    )


def rows(count: int) -> list[CellRow]:
    dice = random.Random(4)  # noqa: S311  a fleet that is the same in every run
    return [cell(number, dice) for number in range(count)]


def dressed(cells: list[CellRow]) -> list[CellRow]:
    """The same Cells with what operators and hosts say of them, and with 200 images about."""
    dice = random.Random(5)  # noqa: S311  the same in every run
    images = [f"{dice.getrandbits(128):032x}" for _ in range(200)]
    return [
        replace(
            each,
            id=f"{dice.getrandbits(128):032x}",
            load1=round(each.load1, 2),
            labels={"rack": f"r{number // 40}", "row": str(number // 800)},
            networks=frozenset({"lan", f"rack-{number // 40}"}),
            vlans=frozenset({7, 249, 1000 + number // 800}),
            images=frozenset(dice.sample(images, dice.randrange(20))),
            facts={"serial": f"{dice.getrandbits(64):x}", "tier": dice.choice(["gold", "iron"])},
        )
        for number, each in enumerate(cells)
    ]


def named(count: int, prefix: str = "vm") -> tuple[str, ...]:
    return tuple(f"{prefix}-{number}" for number in range(count))


def one_size(count: int) -> Request:
    return Request((Group(named(count), SMALL, image="debian", owner="ann"),), seed=11)


def sizes(count: int, kinds: int) -> Request:
    each = count // kinds
    return Request(
        tuple(
            Group(named(each, f"vm{kind}"), Flavor(1 + kind % 4, 512 * (1 + kind % 9), 5 + kind))
            for kind in range(kinds)
        )
    )


def keyed(count: int, size: int, kind: str) -> Request:
    return Request(
        tuple(
            Group(named(size, f"vm{number}"), SMALL, **{kind: frozenset({f"key-{number}"})})
            for number in range(count // size)
        )
    )


def best(rounds: int, step: Callable[[], object]) -> float:
    """Seconds of processor time, so that a busy neighbour counts less."""
    times = []
    for _ in range(rounds):
        gc.collect()
        started = time.process_time()
        step()
        times.append(time.process_time() - started)
    return min(times)


def show(words: str, seconds: float, count: int) -> None:
    print(f"{words:<58} {1000 * seconds:9.2f} ms {count / seconds:12,.0f} /s")


def measure(words: str, fleet: Fleet, request: Request, policy: Policy, rounds: int = 5) -> float:
    count = sum(len(group.names) for group in request.groups)
    plan = place(request, fleet, policy, NOW)
    assert len(plan.assignments) == count, plan.shortfalls[0].words()
    seconds = best(rounds, lambda: place(request, fleet, policy, NOW))
    show(words, seconds, count)
    return seconds


def one_by_one(cells: list[CellRow], fleet: Fleet, count: int) -> float:
    """Seconds per instance of the loop, whose result must be the plan's."""
    keys = dict(zip(fleet.ids, fleet.column("key").tolist(), strict=True))
    request, policy = one_size(count), POLICIES["spread"]
    started = time.process_time()
    slow = place_one_by_one(request, cells, policy, NOW, keys)
    seconds = time.process_time() - started
    plan = place(request, fleet, policy, NOW)
    assert [(each.instance, each.cell_id, each.score) for each in plan.assignments] == slow.placed
    return seconds / count


def strategies(fleet: Fleet) -> float:
    measured = {}
    for name, policy in POLICIES.items():
        for count in (1, 1_000, 10_000):
            if name == "nova" and count > 1_000:
                continue
            words = f"{name}: {count:,} on {len(fleet):,}"
            measured[name, count] = measure(words, fleet, one_size(count), policy)
    return measured["spread", 1_000]


def mixtures(fleet: Fleet) -> None:
    spread = POLICIES["spread"]
    measure("spread: 1,000 of 50 sizes", fleet, sizes(1_000, 50), spread)
    measure(
        "spread: 1,000 in anti-affinity groups of 10",
        fleet,
        keyed(1_000, 10, "anti_affinity"),
        spread,
        2,
    )
    measure("spread: 1,000 in affinity groups of 5", fleet, keyed(1_000, 5, "affinity"), spread, 2)


def rest(fleet: Fleet) -> None:
    alone = Request((Group((), SMALL),))
    show(
        "capacity now and N+1", best(3, lambda: capacity(alone, fleet, POLICIES["spread"], NOW)), 1
    )
    show("copy of the fleet", best(3, fleet.copy), 1)
    ids = fleet.ids

    def announcements() -> None:
        for each in ids:
            fleet.update(each, load1=1.5, memory_used_mib=100, disk_used_gib=7)

    show(f"update from {len(ids):,} announcements", best(3, announcements), len(ids))


def records(fleet: Fleet) -> None:
    plan = place(one_size(1_000), fleet, POLICIES["spread"], NOW)
    began = time.process_time()
    made = record(plan, fleet)
    show("record of 1,000, the first with this roster", time.process_time() - began, 1)
    show("record of 1,000, roster unchanged", best(5, lambda: record(plan, fleet)), 1)
    sizes_kib = [len(each) // 1024 for each in (made.varying, made.roster)]
    sizes_kib.append(len(json.dumps(made.document)) // 1024)
    print("varying {} KiB, roster {} KiB, document {} KiB".format(*sizes_kib))
    show("Cells from the record", best(5, lambda: stored_fleet(made)), 1)
    for most in (50, 200):
        show(f"explanation from the record, {most} Cells", best(5, lambda n=most: told(made, n)), 1)
    show("1,000 promises", best(3, lambda: promised(fleet)), 1_000)


def stored_fleet(made: Record) -> Fleet:
    return recorded_fleet(made.document, made.roster, made.varying)


def told(made: Record, most: int) -> None:
    explain(recorded_plan(made.document), stored_fleet(made), "vm-500", most=most)


def promised(fleet: Fleet) -> None:
    for each in fleet.ids[:1_000]:
        fleet.promise(each, (2, 2048, 20), NOW)


def main() -> None:
    tried = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    cells = rows(CELLS)
    fleet = Fleet(cells)
    whole = strategies(fleet)
    mixtures(fleet)
    for count in (2_500, 5_000, 20_000, 50_000):
        measure(
            f"spread: 1,000 on {count:,}", Fleet(rows(count)), one_size(1_000), POLICIES["spread"]
        )
    rest(fleet.copy())
    records(Fleet(dressed(cells)))
    each = one_by_one(cells, fleet, tried)
    print(f"one by one: {1000 * each:.0f} ms per instance over {tried}, same plan;", end=" ")
    print(f"1,000 would take {1000 * each:.0f} s: {1000 * each / whole:,.0f} times as long")


if __name__ == "__main__":
    main()
