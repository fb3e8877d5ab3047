"""Images over the API with their files: upload, refusal, download, tickets, removal."""

import errno
import hashlib
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skep.core.services import images, runs
from skep.core.store import image_files
from skep.core.store.base import writing
from skep.core.store.models import Image

URL = "/api/v1/images"


class Hooked(io.BytesIO):
    """A stream that calls a function before its first byte is read."""

    def __init__(self, content: bytes, hook: Callable[[], None]) -> None:
        super().__init__(content)
        self._hook: Callable[[], None] | None = hook

    def readinto(self, buffer: Any, /) -> int:
        hook, self._hook = self._hook, None
        if hook is not None:
            hook()
        return super().readinto(buffer)


@pytest.fixture
def client(app, headers, monkeypatch):
    monkeypatch.setattr(runs, "start", lambda _run_id: None)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = headers["Authorization"]
    return client


def _announce(client, name: str = "demo", kind: str = "disk") -> str:
    response = client.post(URL, json={"name": name, "kind": kind})
    assert response.status_code == 201
    assert response.get_json()["state"] == "uploading"
    return response.get_json()["id"]


def _upload(client, name: str, content: bytes, **options):
    return client.put(f"{URL}/{name}/content", data=content, **options)


def _files(config) -> list[str]:
    directory = config.state_dir / "images"
    return sorted(each.name for each in directory.iterdir()) if directory.exists() else []


def test_an_upload_makes_the_image_ready(client, config, good):
    image_id = _announce(client)
    response = _upload(client, "demo", good.read_bytes())
    assert response.status_code == 200
    shown = response.get_json()
    assert shown["state"] == "ready"
    assert shown["format"] == "qcow2"
    assert shown["virtual_size_bytes"] == 2 * 2**20
    assert shown["size_bytes"] == good.stat().st_size
    assert shown["sha256"] == hashlib.sha256(good.read_bytes()).hexdigest()
    assert response.headers["ETag"] == f'"{shown["generation"]}"'
    assert _files(config) == [image_id]
    stored = config.state_dir / "images" / image_id
    assert stored.read_bytes() == good.read_bytes()
    assert stored.stat().st_mode & 0o777 == 0o600
    again = _upload(client, "demo", good.read_bytes())
    assert (again.status_code, again.get_json()["code"]) == (409, "invalid_state")


def test_a_refused_file_leaves_nothing_and_can_be_replaced(client, config, good):
    _announce(client)
    refused = _upload(client, "demo", b"#!/bin/sh\n" * 1000)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "not_an_image")
    shown = client.get(f"{URL}/demo").get_json()
    assert shown["state"] == "failed"
    assert "found raw" in shown["error"]
    assert shown["sha256"] is None
    assert _files(config) == []
    assert _upload(client, "demo", good.read_bytes()).get_json()["state"] == "ready"
    assert client.get(f"{URL}/demo").get_json()["error"] is None


def test_an_unsafe_file_is_refused_with_its_own_code(client, qemu_img):
    overlay = qemu_img(
        "o.qcow2", "create", "-u", "-f", "qcow2", "-F", "raw", "-b", "/etc/shadow", "PATH", "1M"
    )
    _announce(client)
    refused = _upload(client, "demo", overlay.read_bytes())
    assert (refused.status_code, refused.get_json()["code"]) == (422, "unsafe_image")


def test_a_file_beyond_the_limit_is_refused_before_it_is_stored(client, config):
    _announce(client)
    refused = _upload(client, "demo", b"x" * (config.image_max_bytes + 1))
    assert (refused.status_code, refused.get_json()["code"]) == (422, "image_too_large")
    assert _files(config) == []


def test_an_upload_cut_short_fails_the_image(client, config, good):
    _announce(client)
    content = good.read_bytes()
    refused = client.put(
        f"{URL}/demo/content",
        input_stream=io.BytesIO(content),
        environ_overrides={"CONTENT_LENGTH": str(len(content) + 5)},
    )
    assert (refused.status_code, refused.get_json()["code"]) == (422, "upload_incomplete")
    shown = client.get(f"{URL}/demo").get_json()
    assert shown["state"] == "failed"
    assert _files(config) == []


def test_an_upload_needs_a_length(client):
    _announce(client)
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    refused = client.put(
        f"{URL}/demo/content", input_stream=io.BytesIO(b"x"), environ_overrides=chunked
    )
    assert (refused.status_code, refused.get_json()["code"]) == (411, "length_required")


@pytest.mark.parametrize("moment", ["reserve", "write"])
def test_a_full_disk_is_said_plainly(client, config, good, monkeypatch, moment: str):
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = "posix_fallocate" if moment == "reserve" else "fsync"
    monkeypatch.setattr(image_files.os, target, full)
    _announce(client)
    refused = _upload(client, "demo", good.read_bytes())
    assert (refused.status_code, refused.get_json()["code"]) == (507, "image_store_full")
    assert client.get(f"{URL}/demo").get_json()["state"] == "failed"
    assert _files(config) == []


def test_two_uploads_of_one_image_do_not_mix(app, client, good):
    _announce(client)
    answers = []

    def others() -> None:
        other = app.test_client()
        other.environ_base.update(client.environ_base)
        answers.append(_upload(other, "demo", good.read_bytes()))
        answers.append(other.delete(f"{URL}/demo"))

    def hook() -> None:
        thread = threading.Thread(target=others)
        thread.start()
        thread.join()

    first = client.put(f"{URL}/demo/content", input_stream=Hooked(good.read_bytes(), hook))
    assert first.status_code == 200
    assert len(answers) == 2
    for refused in answers:
        assert (refused.status_code, refused.get_json()["code"]) == (409, "upload_busy")


def test_a_download_serves_ranges(client, good):
    _announce(client)
    content = good.read_bytes()
    _upload(client, "demo", content)
    with client.get(f"{URL}/demo/content") as whole:
        assert whole.data == content
        assert whole.content_length == len(content)
        assert whole.headers["Accept-Ranges"] == "bytes"
    with client.get(f"{URL}/demo/content", headers={"Range": "bytes=100-199"}) as part:
        assert part.status_code == 206
        assert part.data == content[100:200]
    with client.get(f"{URL}/demo/content", headers={"Range": f"bytes={10**12}-"}) as beyond:
        assert (beyond.status_code, beyond.get_json()["code"]) == (416, "range_not_satisfiable")


def test_an_image_without_content_cannot_be_downloaded(client):
    _announce(client)
    refused = client.get(f"{URL}/demo/content")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "invalid_state")


def test_a_ticket_opens_one_image_and_nothing_else(app, client, config, good):
    image_id = _announce(client)
    other_id = _announce(client, "other")
    _upload(client, "demo", good.read_bytes())
    with app.app_context():
        ticket = images.issue_ticket(image_id, "run-1")
    assert (config.state_dir / "ticket.key").stat().st_mode & 0o777 == 0o600
    cell = app.test_client()

    def ask(path: str, value: str, method: str = "GET") -> int:
        headers = {"Authorization": f"Bearer {value}"}
        with cell.open(f"{URL}{path}", method=method, headers=headers) as response:
            return response.status_code

    assert ask(f"/{image_id}/content", ticket) == 200
    assert ask(f"/{other_id}/content", ticket) == 401
    assert ask("/demo/content", ticket) == 401  # a ticket names an id
    assert ask(f"/{image_id}/content", ticket + "x") == 401
    assert ask(f"/{image_id}/content", ticket[:-4]) == 401
    assert ask(f"/{image_id}/content", "é") == 401
    assert ask(f"/{image_id}", ticket) == 401
    assert ask(f"/{image_id}/content", ticket, "PUT") == 401
    assert ask("", ticket) == 401


def test_a_ticket_lasts_an_hour(app, client, good, monkeypatch):
    image_id = _announce(client)
    _upload(client, "demo", good.read_bytes())
    with app.app_context():
        ticket = images.issue_ticket(image_id, "run-1")
        assert images.check_ticket(ticket, image_id) == "run-1"
        monkeypatch.setattr(images, "TICKET_LIFE_S", -1)
        with pytest.raises(images.BadTicketError):
            images.check_ticket(ticket, image_id)


def test_removing_an_image_removes_its_file(client, config, good):
    _announce(client)
    _upload(client, "demo", good.read_bytes())
    response = client.delete(f"{URL}/demo")
    assert response.status_code == 202
    assert response.get_json()["run"]["operation"] == "images_remove"
    assert client.get(f"{URL}/demo").status_code == 404
    assert _files(config) == []
    _announce(client)  # the name is free again


def test_a_killed_upload_is_tidied_away_at_the_next_start(app, client, config, good):
    image_id = _announce(client)
    _upload(client, "demo", good.read_bytes())
    lost = _announce(client, "lost")
    directory: Path = config.state_dir / "images"
    for stray in (f"{lost}.part", lost):  # killed in the middle, and just before the commit
        (directory / stray).write_bytes(b"half")
    with app.app_context():
        assert images.tidy() == sorted([f"{lost}.part", lost])
    assert _files(config) == [image_id]


def test_an_image_deleted_during_its_upload_leaves_no_file(app, client, config, good):
    image_id = _announce(client)

    def hook() -> None:
        with app.app_context(), writing() as session:
            session.query(Image).filter_by(id=image_id).delete()

    refused = client.put(f"{URL}/demo/content", input_stream=Hooked(good.read_bytes(), hook))
    assert (refused.status_code, refused.get_json()["code"]) == (404, "image_not_found")
    assert _files(config) == []
