"""How many announcements one core checks per second, beside what JSON parsing alone costs.

`PYTHONPATH=webapp python3 tests/benchmarks/announcements.py [seconds per line]`
"""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from itertools import cycle

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from skep.core.discovery.gate import Gate
from skep.domain.announcement import Announcement, AnnouncementError, decode, encode, raw_public_key

CELLS = 1000
SENT_AT = 1_700_000_000.0
SAID = {
    "name": "cell-17",
    "addresses": ["10.0.0.7", "192.168.1.2"],
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


def datagram(number: int, sequence: int) -> bytes:
    key = KEYS[number]
    said = {"cell": {**SAID, "name": f"cell-{number}"}}
    spoken = Announcement("cell", "nano", raw_public_key(key), "ab" * 8, sequence, SENT_AT, said)
    return encode(spoken, key)


def per_second(step: Callable[[], object], seconds: float) -> float:
    """Calls per second of processor time, so that a busy neighbour does not count."""
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
        decode(data, "nano")
    except AnnouncementError:
        return
    raise AssertionError("a forged announcement was taken for a good one")


def gate_steps() -> Iterator[object]:
    """Each member in turn, each time with a new sequence; signing is done beforehand."""
    members = {raw_public_key(key) for key in KEYS}
    gate = Gate("nano", b"x" * 32, "00" * 8, members=members)
    data = [datagram(number, sequence) for sequence in range(20) for number in range(CELLS)]
    now = SENT_AT
    for number, each in enumerate(data):
        now += 0.0001
        source = SAID["addresses"][number % 2]  # type: ignore[index]
        gate._sources.take = lambda _source, _now: True  # type: ignore[method-assign]
        yield gate.admit(each, source, now)
    assert not gate.dropped, gate.dropped
    assert gate.received == len(data)


def gate_per_second() -> float:
    steps = gate_steps()
    next(steps)
    started, done = time.process_time(), sum(1 for _ in steps)
    return done / (time.process_time() - started)


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    good = cycle([datagram(number, 1) for number in range(CELLS)])
    one = datagram(1, 1)
    forged = one[:10] + bytes([one[10] ^ 1]) + one[11:]
    noise = b"SKP1" + b"s" * 64 + b"{" * 1000
    lines = {
        "bare JSON parsing": per_second(lambda: json.loads(next(good)[68:]), seconds),
        "announcements checked": per_second(lambda: decode(next(good), "nano"), seconds),
        "announcements through the gate": gate_per_second(),
        "forged signatures refused": per_second(lambda: refuse(forged), seconds),
        "noise refused": per_second(lambda: refuse(noise), seconds),
        "announcements signed": per_second(lambda: datagram(1, 1), seconds),
    }
    bare = lines["bare JSON parsing"]
    print(f"{len(one)} bytes a datagram, {CELLS} keys")
    for name, rate in lines.items():
        print(f"{name:32} {rate:10,.0f}/s {1e6 / rate:8.1f} us {bare / rate:6.2f} x bare JSON")


if __name__ == "__main__":
    main()
