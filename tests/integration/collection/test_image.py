"""Images from a real HTTPS server, without libvirt."""

import hashlib
import struct
import subprocess

import pytest
from tests.integration.collection.https_server import serve
from tests.unit.collection.filled import filled

from ansible_collections.skep.kvm.plugins.module_utils._host import locks
from ansible_collections.skep.kvm.plugins.module_utils._items import ensure_all
from ansible_collections.skep.kvm.plugins.module_utils._storage.image import ImageStore
from ansible_collections.skep.kvm.plugins.module_utils._storage.usage import User
from ansible_collections.skep.kvm.plugins.modules.image import ARGUMENT_SPEC


def qcow2(backing=b"", **fields):
    """A qcow2 header, with whatever is wrong about it, and a cluster or two behind it."""
    known = {"size": 1 << 20, "bits": 16, "crypt": 0, "l1": 1, "snapshots": 0, "features": 0}
    of = {**known, **fields}
    offset = 512 if backing else 0
    start = struct.pack(
        ">4sIQIIQIIQQII",
        *(b"QFI\xfb", 3, offset, len(backing), of["bits"], of["size"]),
        *(of["crypt"], of["l1"], 0, 0, 0, of["snapshots"]),
    )
    header = (start.ljust(72, b"\0") + struct.pack(">Q", of["features"])).ljust(512, b"\0")
    return header + backing + bytes(range(256)) * 16384


def iso(start=b""):
    """The least that a CD is known by."""
    return start.ljust(32769, b"\0") + b"CD001" + bytes(4096)


CONTENT = qcow2()


@pytest.fixture
def core(tmp_path):
    with serve(tmp_path) as server:
        server.answer = lambda *_: (200, {}, CONTENT)
        yield server


@pytest.fixture
def drives():
    """The paths that a domain has in a drive."""
    return set()


@pytest.fixture
def store(tmp_path, core, monkeypatch, drives):
    monkeypatch.setattr(locks, "DIRECTORY", tmp_path / "locks")
    pem = core.certificate.read_text()
    return ImageStore(
        directory=tmp_path / "i",
        volume_directories=lambda: (tmp_path / "v",),
        user_of=lambda path: User("", "web-1", is_active=True) if path in drives else None,
        ca_pem=pem,
        token="ticket",  # noqa: S106
    )


def wish(core, content=CONTENT, **more):
    sha256 = hashlib.sha256(content).hexdigest()
    item = {"sha256": sha256, "size_bytes": len(content), "url": f"{core.url}/content", **more}
    return filled(ARGUMENT_SPEC, **item)


def place(store, item, *, check=False):
    (result,) = ensure_all(store, [item], check_mode=check)
    return result


def files(store):
    return sorted(path.name for path in store.directory.glob("*"))


def test_cycle(store, core):
    item = wish(core)
    gone = {**item, "state": "absent"}
    path = store.directory / f"{item['sha256']}.qcow2"

    changed = [
        place(store, each, check=check)["changed"]
        for each in (item, item, gone, gone)
        for check in (True, False)
    ]

    assert changed == [True, True, False, False, True, True, False, False]
    assert len(core.requests) == 1
    assert not path.exists()


def test_image_is_read_only_and_fetched_with_the_ticket(store, core):
    item = wish(core)

    assert place(store, item)["ok"]

    path = store.directory / f"{item['sha256']}.qcow2"
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mode & 0o777 == 0o444
    assert core.requests[0][1]["authorization"] == "Bearer ticket"


def test_half_an_image_is_continued(store, core):
    item = wish(core)
    store.directory.mkdir()
    (store.directory / f"{item['sha256']}.part").write_bytes(CONTENT[:1000])
    core.answer = lambda _, headers: (206, {}, CONTENT[int(headers["range"][6:-1]) :])

    assert place(store, item)["ok"]
    assert core.requests[0][1]["range"] == "bytes=1000-"


def test_server_that_knows_no_ranges_starts_over(store, core):
    item = wish(core)
    store.directory.mkdir()
    (store.directory / f"{item['sha256']}.part").write_bytes(b"something else")

    assert place(store, item)["ok"]


def test_content_that_ends_early_is_kept_to_be_continued(store, core):
    item = wish(core)
    core.answer = lambda *_: (200, {}, CONTENT[:-1])

    assert place(store, item)["code"] == "download_failed"
    assert files(store) == [f"{item['sha256']}.part"]


@pytest.mark.parametrize("body", [CONTENT[:-1] + b"!", CONTENT + b"more"])
def test_other_content_is_refused_and_removed(store, core, body):
    core.answer = lambda *_: (200, {}, body)

    assert place(store, wish(core))["code"] == "checksum_mismatch"
    assert files(store) == []


HOSTILE = {
    "backing file": qcow2(b"/etc/shadow"),
    "json backing": qcow2(b"json:{}"),
    "nbd backing": qcow2(b"nbd:unix:/run/x"),
    "data file": qcow2(features=4),
    "snapshots": qcow2(snapshots=1),
    "encrypted": qcow2(crypt=2),
    "60 TiB": qcow2(size=60 << 40),
    "huge clusters": qcow2(bits=63),
    "giant table": qcow2(l1=1 << 30),
    "features of another time": qcow2(features=1 << 40),
    "corrupt": qcow2(features=2),
    "no qcow2": b"#!/bin/sh\n" * 100,
    "a stub": b"QFI\xfb" + bytes(60),
    "iso": iso(),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_image_that_is_more_than_an_image_is_refused_even_with_the_right_checksum(
    store, core, content
):
    core.answer = lambda *_: (200, {}, content)

    assert place(store, wish(core, content))["code"] == "unsafe_image"
    assert files(store) == []


@pytest.mark.parametrize(
    "content",
    [CONTENT, iso(b"QFI\xfb"), iso(b"# Disk DescriptorFile"), iso(b"KDMV"), b"CD001"],
    ids=["qcow2", "qcow2 and iso", "vmdk and iso", "sparse vmdk and iso", "too short"],
)
def test_medium_that_is_no_cd_or_more_than_one_is_refused(store, core, content):
    core.answer = lambda *_: (200, {}, content)

    assert place(store, wish(core, content, kind="media"))["code"] == "unsafe_image"
    assert files(store) == []


def test_cycle_of_a_medium(store, core, drives, tmp_path):
    (tmp_path / "readme").write_text("read me")
    made = ["xorriso", "-as", "mkisofs", "-quiet", "-o", "a.iso", "readme"]
    subprocess.run(made, cwd=tmp_path, check=True, capture_output=True)
    content = (tmp_path / "a.iso").read_bytes()
    core.answer = lambda *_: (200, {}, content)
    item = wish(core, content, kind="media")
    gone = {**item, "state": "absent"}
    path = store.directory / f"{item['sha256']}.iso"

    placed = [place(store, item, check=check)["changed"] for check in (True, False, True, False)]
    drives.add(str(path))
    refused = place(store, gone)
    drives.clear()
    removed = [place(store, gone, check=check)["changed"] for check in (True, False, True, False)]

    assert placed == [True, True, False, False]
    assert (refused["code"], "web-1" in refused["msg"]) == ("image_in_use", True)
    assert removed == [True, True, False, False]
    assert not path.exists()


def test_rotten_image_is_found_and_fetched_again_when_asked_to_verify(store, core):
    item = wish(core)
    place(store, item)
    path = store.directory / f"{item['sha256']}.qcow2"
    path.chmod(0o644)
    path.write_bytes(CONTENT[:-1] + b"!")

    trusted = place(store, item)["changed"]
    verified = [
        place(store, {**item, "verify": True}, check=check)["changed"]
        for check in (True, False, True, False)
    ]

    assert not trusted
    assert verified == [True, True, False, False]
    assert path.read_bytes() == CONTENT


def test_status_is_told(store, core):
    core.answer = lambda *_: (401, {}, b"")

    result = place(store, wish(core))

    assert (result["code"], "401" in result["msg"]) == ("download_failed", True)


def test_redirect_is_not_followed_with_the_ticket(store, core):
    core.answer = lambda *_: (302, {"Location": f"{core.url}/elsewhere"}, b"")

    assert place(store, wish(core))["code"] == "download_failed"
    assert [path for path, _ in core.requests] == ["/content"]


def test_server_with_another_certificate_is_not_believed(store, core, tmp_path):
    (tmp_path / "other").mkdir()
    with serve(tmp_path / "other") as other:
        result = place(store, wish(other))

    assert result["code"] == "download_failed"
    assert other.requests == []


@pytest.mark.parametrize("url", ["http://127.0.0.1/x", "file:///etc/passwd", "ftp://x/y", ""])
def test_ticket_goes_over_https_only(store, core, url):
    assert place(store, wish(core, url=url))["code"] == "invalid_item"
