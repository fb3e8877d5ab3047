"""Core and Cells find each other over real sockets, and only each other."""

import shutil
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from skep.domain.announcement import DEFAULT_GROUP, encode, key_to_text, raw_public_key

from .conftest import LOCALHOST, Cell, Core, wait_for

NewCell = Callable[[str], Cell]


def names(core: Core) -> set[str]:
    return {each.announcement.payload["cell"]["name"] for each in core.of("cell")}


def send(port: int, datagram: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(LOCALHOST))
        sender.sendto(datagram, (DEFAULT_GROUP, port))


def test_two_cells_are_heard_under_their_own_keys(core: Core, new_cell: NewCell) -> None:
    for name in ("cell-1", "cell-2"):
        new_cell(name).start()
    wait_for(lambda: names(core) == {"cell-1", "cell-2"})

    def is_complete(said: dict[str, Any]) -> bool:
        # Both become known in the background, after the first announcements.
        return bool(said["versions"]["libvirt"]) and said["kvm"] != "unknown"

    wait_for(lambda: any(is_complete(each.announcement.payload["cell"]) for each in core.heard))
    last = next(
        each for each in reversed(core.heard) if is_complete(each.announcement.payload["cell"])
    )
    said = last.announcement.payload["cell"]
    assert len({each.announcement.id for each in core.heard}) == 2
    assert (last.source, last.is_local, last.duplicate) == (LOCALHOST, True, False)
    assert said["addresses"] == [LOCALHOST]
    assert said["kvm"] == "unusable"  # no guest can start from a QEMU that is not there
    assert said["load"]["domains"] == 1
    assert said["core"] is None


def test_a_cloned_key_is_a_duplicate_identity(core: Core, new_cell: NewCell) -> None:
    original, clone = new_cell("cell-1"), new_cell("cell-2")
    original.start()
    wait_for(lambda: core.heard)
    clone.folder.mkdir()
    shutil.copy(original.folder / "identity.pem", clone.folder)
    clone.start()
    wait_for(lambda: any(each.duplicate for each in core.heard))
    before = len(core.heard)
    wait_for(lambda: len(core.heard) >= before + 2)
    assert all(each.duplicate for each in core.heard[before:])


def test_a_replayed_datagram_is_dropped(core: Core, port: int, new_cell: NewCell) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as spy:
        spy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        spy.bind((DEFAULT_GROUP, port))
        request = socket.inet_aton(DEFAULT_GROUP) + socket.inet_aton(LOCALHOST)
        spy.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
        new_cell("cell-1").start()
        wait_for(lambda: core.heard)
        key = key_to_text(core.heard[0].announcement.public_key).encode()
        while key not in (datagram := spy.recv(2000)):
            pass
    wait_for(lambda: len(core.heard) >= 2)
    replays = core.dropped("replayed")
    send(port, datagram)
    wait_for(lambda: core.dropped("replayed") == replays + 1)


def test_a_cell_that_was_silent_is_heard_again_as_itself(core: Core, new_cell: NewCell) -> None:
    cell = new_cell("cell-1")
    cell.start()
    wait_for(lambda: core.heard)
    assert cell.stop(signal.SIGKILL) == -signal.SIGKILL
    silent_from = len(core.heard)
    time.sleep(3)
    assert len(core.heard) == silent_from
    cell.start()
    wait_for(lambda: len(core.heard) > silent_from)
    before, after = core.heard[0], core.heard[-1]
    assert after.announcement.id == before.announcement.id
    assert after.announcement.boot_id != before.announcement.boot_id
    assert not after.duplicate


def test_a_member_reports_its_domains_and_goes_on_after_the_core_restarted(
    core: Core, port: int, new_cell: NewCell
) -> None:
    cell = new_cell("cell-1")
    cell.start()
    wait_for(lambda: core.heard)
    time.sleep(2.5)
    assert core.of("report") == []
    cell.join(core.key)
    core.members.add(core.heard[0].announcement.public_key)
    report = wait_for(lambda: core.of("report"))[0]
    [[uuid, state]] = report.announcement.payload["report"]["domains"]
    assert (len(uuid), state) == (36, "running")
    wait_for(lambda: core.of("cell")[-1].announcement.payload["cell"]["pool"] == "default")
    core.stop()
    core.heard.clear()
    time.sleep(1)
    core.start()
    wait_for(lambda: core.of("cell") and core.of("report"))


def test_reports_follow_the_pinned_core_and_no_other(
    core: Core, port: int, new_cell: NewCell
) -> None:
    cell = new_cell("cell-1")
    cell.start()
    wait_for(lambda: core.heard)
    cell.join(core.key)
    core.members.add(core.heard[0].announcement.public_key)
    wait_for(lambda: core.of("report"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trap:
        trap.bind((LOCALHOST, 0))
        trap.settimeout(3)
        rogue = Ed25519PrivateKey.generate()
        said = {
            "url": f"https://{LOCALHOST}:5870",
            "certificate_sha256": "00" * 32,
            "report_port": trap.getsockname()[1],
            "name": "rogue",
        }
        spoken = replace(
            core.heard[0].announcement,
            kind="core",
            public_key=raw_public_key(rogue),
            sent_at=time.time(),
            payload={"core": said},
        )
        send(port, encode(spoken, rogue))
        with pytest.raises(TimeoutError):
            trap.recv(2000)
    wait_for(lambda: any("refused another core" in line for line in cell.log))
    assert core.dropped("foreign_core") == 1


def test_noise_and_a_failing_handler_do_not_deafen_the_core(
    core: Core, port: int, new_cell: NewCell
) -> None:
    core.fails = True
    for noise in (b"", b"x", b"SKP1" * 16000, b"SKP1" + b"s" * 64 + b"{" * 1000):
        send(port, noise)
    new_cell("cell-1").start()
    wait_for(lambda: len(core.heard) >= 2)
    assert core.dropped("malformed") >= 3
    assert core.dropped("oversized") == 1


def test_sigterm_ends_a_cell_cleanly(core: Core, new_cell: NewCell) -> None:
    cell = new_cell("cell-1")
    cell.start()
    wait_for(lambda: core.heard)
    assert cell.stop() == 0
    wait_for(lambda: any("stopped" in line for line in cell.log))


def test_a_cell_with_a_wrong_setting_says_so_and_ends(new_cell: NewCell, tmp_path: Any) -> None:
    cell = new_cell("Not-Legal")
    cell.start()
    assert cell.process is not None
    assert cell.process.wait(10) == 2
    wait_for(lambda: any("Not-Legal" in line for line in cell.log))
