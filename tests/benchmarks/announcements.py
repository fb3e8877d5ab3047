"""What announcements of 10,000 Cells cost the Core, step by step and as a share of one core.

`PYTHONPATH=webapp python3 tests/benchmarks/announcements.py [seconds per line]`

All figures are processor time, so that a busy neighbour does not count. The last lines are the
ones that are promised: a quarter of a core at 2000 announcements a second.
"""

import json
import logging
import os
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from itertools import cycle
from pathlib import Path

import structlog
from apiflask import APIFlask
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from skep.core import identity
from skep.core.app import Timer, create_app
from skep.core.config import CoreConfig
from skep.core.discovery.gate import Gate
from skep.core.discovery.listener import Listener
from skep.core.discovery.settings import Around, DiscoverySettings, Handler
from skep.core.discovery.signatures import verify_by_libsodium
from skep.core.services import observations, pools
from skep.core.services.placement.fleet import resident_fleet
from skep.core.store.base import db, reading, utc_now, writing
from skep.core.store.models import Base, Cell, Pool
from skep.domain.announcement import (
    Announcement,
    AnnouncementError,
    decode,
    encode,
    module_id,
    raw_public_key,
)

CELLS = 10_000
RATE = 2000
ROUNDS = 3
SAID = {
    "capacity": {"cpus": 64, "memory_mib": 515_000, "disk_gib": 4000},
    "load": {"load1": 0.25, "memory_used_mib": 80_000, "disk_used_gib": 900, "domains": 40},
    "versions": {"skep": "0.1.0", "libvirt": "9.0.0", "qemu": "7.2.22", "kernel": "6.1.0-18"},
    "kvm": "usable",
    "started_at": 1_700_000_000,
    "ssh_host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43,
    "pool": "default",
    "core": "0f0e0d0c-0b0a-4908-8706-050403020100",
}
KEYS = [Ed25519PrivateKey.from_private_bytes(n.to_bytes(32, "big")) for n in range(CELLS)]
MEMBERS = frozenset(map(raw_public_key, KEYS))
_IP_PKTINFO = 8  # linux/in.h
OWN = Ed25519PrivateKey.generate()
libsodium = partial(decode, domain="nano", verifier=verify_by_libsodium)
openssl = partial(decode, domain="nano")


def source(number: int) -> str:
    """An address of loopback for each Cell, so that all can send from this machine."""
    return f"127.1.{number >> 8}.{number & 255}"


def datagram(number: int, sequence: int, sent_at: float) -> bytes:
    key, load = KEYS[number], {**SAID["load"], "load1": sequence / 4}  # type: ignore[dict-item]
    own = {"name": f"cell-{number}", "addresses": [source(number), "192.168.1.2"], "load": load}
    said = {"cell": {**SAID, **own}}
    spoken = Announcement("cell", "nano", raw_public_key(key), "ab" * 8, sequence, sent_at, said)
    return encode(spoken, key)


def rounds(first: int, many: int) -> list[tuple[str, bytes]]:
    """What all Cells say, round by round, signed beforehand."""
    now = time.time()
    numbered = ((at, number) for at in range(first, first + many) for number in range(CELLS))
    return [(source(number), datagram(number, at, now)) for at, number in numbered]


def per_second(step: Callable[[], object], seconds: float) -> float:
    for _ in range(100):
        step()
    done, started = 0, time.process_time()
    while (spent := time.process_time() - started) < seconds:
        for _ in range(100):
            step()
        done += 100
    return done / spent


def refuse(data: bytes) -> None:
    try:
        libsodium(data)
    except AnnouncementError:
        return
    raise AssertionError("a forged announcement was taken for a good one")


def gate() -> Gate:
    return Gate("nano", raw_public_key(OWN), "00" * 8, members=MEMBERS)


def gate_per_second(said: list[tuple[str, bytes]]) -> float:
    """The second round counts: in the first one every table still grows."""
    opened, now = gate(), time.time()
    for each, data in said[:CELLS]:
        opened.admit(data, each, now)
    started = time.process_time()
    for number, (each, data) in enumerate(said[CELLS:]):
        opened.admit(data, each, now + 5 + number / RATE)
    spent = time.process_time() - started
    assert not opened.dropped, opened.dropped
    return (len(said) - CELLS) / spent


def listened_share(
    first: int, opened: Gate, handler: Handler, around: Around = nullcontext, *beside: Timer
) -> float:
    """Share of one core that this process spends while another one sends RATE per second."""
    said, port = rounds(first, ROUNDS), _free_port()
    crowd = Crowd(said, port)
    settings = DiscoverySettings("core", 5870, "00" * 32, OWN, port=port, interfaces=("lo",))
    listener = Listener(settings, opened, handler, lambda: MEMBERS, around)
    for each in (listener, *beside):
        each.start()
    try:
        crowd.send_round()  # tables grow, caches fill
        received, started = opened.received, time.process_time()
        for _ in range(1, ROUNDS):
            crowd.send_round()
        time.sleep(1)
        taken, spent = opened.received - received, time.process_time() - started
    finally:
        for each in (listener, *beside):
            each.stop()
        crowd.stop()
    assert not opened.dropped, opened.dropped
    lost = (ROUNDS - 1) * CELLS - taken
    if lost > 0:
        print(f"{lost} datagrams were lost: this machine is too busy for {RATE} a second")
    return spent / taken * RATE


def stored_share(app: APIFlask) -> tuple[float, float]:
    """The same with fleet and store behind it; and seconds to take in a word of all that is new."""
    opened, said, now = gate(), rounds(1, 1), time.time()
    started = time.monotonic()
    for each, data in said:
        admitted = opened.admit(data, each, now)
        assert admitted is not None
        with app.app_context():
            observations.observe(admitted.announcement, each, is_local=False, duplicate=False)
    news_s = time.monotonic() - started
    share = listened_share(2, opened, observations.observe, app.app_context, Timer(app))
    with app.app_context(), reading() as session:
        query = select(func.count()).where(Cell.load1 == (ROUNDS + 1) / 4)
        assert session.scalar(query)  # the last round's load has come to the store
    return share, news_s


def core_with_members(folder: Path) -> APIFlask:
    """A Core with an SQLite store in which all Cells are members, and in its fleet."""
    identity.ensure_identity(folder)
    app = create_app(CoreConfig(state_dir=folder, run_dir=folder / "run", project_dir=folder))
    with app.app_context():
        Base.metadata.create_all(db.engine)
        pools.ensure_default_pool()
        with writing() as session:
            pool = session.query(Pool).one()
            session.add_all(_cell(number, key, pool.id) for number, key in enumerate(KEYS))
        with resident_fleet().known(pool.id) as known:
            assert len(known.fleet) == CELLS
    return app


def _cell(number: int, key: Ed25519PrivateKey, pool_id: str) -> Cell:
    public = raw_public_key(key)
    return Cell(
        id=module_id(public),
        name=f"cell-{number}",
        public_key=public,
        fingerprint="-",
        state="online",
        pool_id=pool_id,
        last_seen_at=utc_now(),
    )


class Crowd:
    """A child process in which all Cells speak, each from its own address."""

    def __init__(self, said: list[tuple[str, bytes]], port: int) -> None:
        self._pipe, pipe = socket.socketpair()
        self._child = os.fork()
        if not self._child:
            try:
                self._pipe.close()
                for first in range(0, len(said), CELLS):
                    if not pipe.recv(1):
                        break
                    _send(said[first : first + CELLS], port)
                    pipe.send(b".")
            finally:
                os._exit(0)
        pipe.close()

    def send_round(self) -> None:
        """One announcement of each Cell, in CELLS / RATE seconds."""
        self._pipe.send(b".")
        assert self._pipe.recv(1), "the crowd fell silent"

    def stop(self) -> None:
        self._pipe.close()
        os.waitpid(self._child, 0)


def _send(said: list[tuple[str, bytes]], port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        started = time.monotonic()
        for number, (each, data) in enumerate(said):
            time.sleep(max(0.0, started + number / RATE - time.monotonic()))
            # struct in_pktinfo: interface, address to send from, unused
            wanted = struct.pack("=i4s4s", 0, socket.inet_aton(each), bytes(4))
            sender.sendmsg([data], [(socket.IPPROTO_IP, _IP_PKTINFO, wanted)], 0, (source(0), port))


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    said = rounds(1, ROUNDS)
    good = cycle(data for _, data in said[:CELLS])
    one = said[1][1]
    forged = one[:10] + bytes([one[10] ^ 1]) + one[11:]
    noise = b"SKP1" + b"s" * 64 + b"{" * 1000
    lines = {
        "bare JSON parsing": per_second(lambda: json.loads(next(good)[68:]), seconds),
        "checked with OpenSSL": per_second(lambda: openssl(next(good)), seconds),
        "checked with libsodium": per_second(lambda: libsodium(next(good)), seconds),
        "forged signatures refused": per_second(lambda: refuse(forged), seconds),
        "noise refused": per_second(lambda: refuse(noise), seconds),
        "through the gate": gate_per_second(said),
    }
    print(f"{len(one)} bytes a datagram, {CELLS} Cells, {RATE} announcements a second")
    for name, rate in lines.items():
        print(f"{name:32} {rate:10,.0f}/s {1e6 / rate:8.1f} us {RATE / rate:8.1%} of a core")
    share = listened_share(1, gate(), lambda *_, **__: None)
    print(f"{'from a socket, to a handler':32} {share:35.1%} of a core")
    with tempfile.TemporaryDirectory() as folder:
        share, news_s = stored_share(core_with_members(Path(folder)))
    print(f"{'from a socket, to fleet and store':32} {share:34.1%} of a core")
    print(f"{CELLS} Cells that all say something new: {news_s:.1f} s")


if __name__ == "__main__":
    main()
