"""How long a reservation takes with its commit, and a preview through the API, at 10,000 Cells.

`PYTHONPATH=webapp python3 tests/benchmarks/reserving.py [instances already there, 20000]`

One Core in this process over SQLite in a temporary folder, as installed: WAL and full
synchronisation. Runs are recorded but not carried. The line "one by one" asks for the same number
of instances one request each, as a client without batches would.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import structlog
from sqlalchemy import insert

from skep.core import identity
from skep.core.app import create_app
from skep.core.config import CoreConfig
from skep.core.services import pools, runs, tokens
from skep.core.services.placement import reserve
from skep.core.services.placement.request import GroupRequest, PlacementRequest
from skep.core.store.base import db, utc_now, writing
from skep.core.store.models import Base, Cell, Image, Instance, Pool, Reservation

Answer = TypeVar("Answer")
CELLS, BATCH, ROUNDS, PREVIEWS = 10_000, 1_000, 7, 100


def fill(instances: int) -> None:
    """Put the Cells into the store, and instances on them."""
    Base.metadata.create_all(db.engine)
    pools.ensure_default_pool()
    now = utc_now()
    with writing() as session:
        pool = session.query(Pool).one().id
        session.execute(insert(Cell), [_cell(n, pool) for n in range(CELLS)])
        facts = {"format": "qcow2", "size_bytes": 1, "virtual_size_bytes": 2**30}
        image = Image(name="demo", kind="disk", state="ready", sha256="0" * 64, **facts)
        earlier = Reservation(name="earlier", count=instances, actor="ann", request={})
        session.add_all((image, earlier))
        session.flush()
        shared = {"state": "running", "pool_id": pool, "image_id": image.id, "owner": "ann"}
        size = {"cores": 2, "memory_mib": 2048, "disk_gib": 20, "reservation_id": earlier.id}
        times = {"created_at": now, "updated_at": now, "generation": 1}
        rows = [
            {"name": f"old-{n}", "cell_id": f"cell-{n % CELLS:05}", **shared, **size, **times}
            for n in range(instances)
        ]
        if rows:
            session.execute(insert(Instance), rows)


def _cell(number: int, pool: str) -> dict[str, object]:
    cpus = (16, 32, 64)[number % 3]
    return {
        "id": f"cell-{number:05}",
        "name": f"cell-{number:05}",
        "public_key": number.to_bytes(32, "big"),
        "fingerprint": "SHA256:x",
        "state": "online",
        "pool_id": pool,
        "kvm": "usable",
        "cpus": cpus,
        "memory_mib": cpus * 4096,
        "disk_gib": 2000,
        "load1": number % 7 / 2,
        "memory_used_mib": number % 1000,
        "last_seen_at": utc_now(),
    }


class Took(NamedTuple):
    """One round: on the clock, and of the processor, which busy neighbours don't touch."""

    wall: float
    processor: float


def timed(action: Callable[[], object], rounds: int) -> list[Took]:
    return [took_by(action)[0] for _ in range(rounds)]


def took_by(action: Callable[[], Answer]) -> tuple[Took, Answer]:
    begin, used = time.perf_counter(), time.process_time()
    answer = action()
    used, begin = time.process_time() - used, time.perf_counter() - begin
    return Took(begin * 1000, used * 1000), answer


def tell(what: str, took: list[Took]) -> None:
    walls = sorted(each.wall for each in took)
    p95 = walls[max(int(len(walls) * 0.95) - 1, 0)]
    middle, used = statistics.median(walls), min(each.processor for each in took)
    print(f"{what:48} {walls[0]:8.1f} {middle:8.1f} {p95:8.1f} {used:8.1f}")


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    instances = int(sys.argv[1]) if len(sys.argv) > 1 else 2 * CELLS
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        state.mkdir(mode=0o700)
        identity.ensure_identity(state)
        app = create_app(
            CoreConfig(state_dir=state, run_dir=Path(folder), project_dir=Path(folder))
        )
        runs.start = lambda _run_id: None  # type: ignore[assignment]
        with app.app_context():
            fill(instances)
            token = tokens.create_token("bench")
            measure_reserving()
        measure_preview(app.test_client(), {"Authorization": f"Bearer {token}"})


def measure_reserving() -> None:
    numbers = iter(range(10**6))
    spent: list[Took] = []
    plain = reserve.commit_plan

    def commit(*arguments):  # type: ignore[no-untyped-def]
        took, answer = took_by(lambda: plain(*arguments))
        spent.append(took)
        return answer

    reserve.commit_plan = commit

    def ask(count: int) -> object:
        group = GroupRequest(f"vm{next(numbers)}", "demo", count, cores=2, memory_mib=2048)
        return reserve.reserve(PlacementRequest("default", (group,)), "bench")

    print(f"{'':48} {'best':>8} {'median':>8} {'p95':>8} {'cpu':>8}  ms")
    tell("first reservation, the fleet read from the store", timed(lambda: ask(1), 1))
    spent.clear()
    whole = timed(lambda: ask(BATCH), ROUNDS)
    tell(f"{BATCH} on {CELLS}: planned, recorded, committed", list(spent))
    tell("    the same with the answer of the API made", whole)
    spent.clear()
    single = timed(lambda: ask(1), 50)
    tell("one on its own: planned, recorded, committed", list(spent))
    ratio = BATCH * min(each.wall for each in single) / min(each.wall for each in whole)
    print(f"one by one costs {ratio:.0f} times as much")


def measure_preview(client, headers) -> None:  # type: ignore[no-untyped-def]
    body = {"pool": "default", "groups": [{"name": "web", "image": "demo", "count": 10}]}

    def ask() -> None:
        answer = client.post("/api/v1/placements", json=body, headers=headers)
        assert answer.status_code == 200, answer.get_data(as_text=True)

    ask()
    tell("preview of 10 through the API", timed(ask, PREVIEWS))


if __name__ == "__main__":
    main()
