"""What Cells say: to the fleet at once, to the store in batches, and never too late."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from skep.core.services import cells, instances, observations
from skep.core.services.placement.fleet import resident_fleet
from skep.core.services.placement.request import GroupRequest, PlacementRequest
from skep.core.services.placement.reserve import reserve
from skep.core.store.base import db, reading, utc_now, writing
from skep.core.store.lookup import get_instance, get_pool
from skep.core.store.models import Cell
from skep.domain.announcement import Announcement

KEY = bytes(range(32))
CELL = {
    "name": "cell-1",
    "addresses": ["192.0.2.1"],
    "capacity": {"cpus": 8, "memory_mib": 16384, "disk_gib": 500},
    "load": {"load1": 0.5, "memory_used_mib": 1000, "disk_used_gib": 10, "domains": 0},
    "versions": {"skep": "0"},
    "kvm": "usable",
    "started_at": 1_700_000_000.0,
    "ssh_host_key": "ssh-ed25519 AAAA",
}


def word(kind: str, payload: dict[str, object], boot: str = "00" * 8) -> Announcement:
    return Announcement(
        kind=kind,
        domain="test",
        public_key=KEY,
        boot_id=boot,
        sequence=1,
        sent_at=0.0,
        payload={kind: payload},
    )


def say(load1: float = 0.5, **facts: object) -> None:
    said = {**CELL, **facts, "load": {**CELL["load"], "load1": load1}}
    observations.observe(word("cell", said), "192.0.2.1", is_local=False, duplicate=False)


def report(*domains: tuple[str, str]) -> None:
    said = {"part": 1, "parts": 1, "domains": [list(each) for each in domains]}
    full = {**said, "load": CELL["load"]}
    observations.observe(word("report", full), "192.0.2.1", is_local=False, duplicate=False)


@pytest.fixture
def member(core):
    """A Cell that has announced itself and was made a member."""
    say()
    with writing() as session:
        cell = session.query(Cell).one()
        cell.state, cell.pool_id = "online", get_pool(session, "default").id
    say()
    say()
    return cell.id


@pytest.fixture
def statements():
    """What is sent to the database."""
    sent: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield sent
    event.remove(db.engine, "before_cursor_execute", note)


def load_in_fleet(cell_id: str) -> float:
    with reading() as session:
        pool = get_pool(session, "default").id
    with resident_fleet().known(pool) as known:
        return known.fleet.cell(cell_id).load1


def test_load_costs_no_statement_and_is_in_the_fleet_at_once(member, statements):
    load_in_fleet(member)
    statements.clear()
    for number in range(100):
        say(load1=float(number))
    assert statements == []
    assert load_in_fleet(member) == 99.0
    observations.flush()
    assert cells.get_cell("cell-1")["load"]["load1"] == 99.0


def test_what_a_person_would_notice_is_written_as_it_is_heard(member):
    say(kvm="unusable")
    assert cells.get_cell("cell-1")["kvm"] == "unusable"
    say(addresses=["192.0.2.1", "192.0.2.7"])
    assert cells.get_cell("cell-1")["addresses"] == ["192.0.2.1", "192.0.2.7"]


def test_a_cell_that_only_repeats_itself_is_not_silent(member):
    say()
    observations.flush()
    observations.expire_silent(utc_now() + timedelta(seconds=5))
    assert cells.get_cell("cell-1")["state"] == "online"


def test_a_silent_cell_is_back_with_its_next_word(member):
    observations.expire_silent(utc_now() + timedelta(seconds=60))
    assert cells.get_cell("cell-1")["state"] == "offline"
    say()
    assert cells.get_cell("cell-1")["state"] == "online"


def test_a_report_counts_again_after_its_instance_changed(member, image, statements):
    reserve(PlacementRequest("default", (GroupRequest("web", "demo"),)), "ann")
    with writing() as session:
        web = get_instance(session, "web")
        web.run_id, web.state = None, "running"
        web.updated_at = utc_now() - timedelta(minutes=1)
    report((web.id, "running"))
    statements.clear()
    report((web.id, "running"))
    assert statements == []
    with writing() as session:
        get_instance(session, "web").state = "lost"
    report((web.id, "running"))
    assert instances.get_instance("web")["state"] == "running"


def test_a_report_that_came_too_early_is_heard_when_it_is_repeated(member, image):
    reserve(PlacementRequest("default", (GroupRequest("web", "demo"),)), "ann")
    with writing() as session:
        web = get_instance(session, "web")
        web.run_id, web.state, web.updated_at = None, "running", utc_now()
    report((web.id, "stopped"))
    assert instances.get_instance("web")["state"] == "running"
    with writing() as session:
        get_instance(session, "web").updated_at = utc_now() - timedelta(minutes=1)
    report((web.id, "stopped"))
    assert instances.get_instance("web")["state"] == "stopped"


def test_a_cell_that_went_silent_while_its_word_was_read_is_back_with_the_next(member, monkeypatch):
    plain = observations._is_news

    def overtaken(*said, **more):
        answer = plain(*said, **more)
        observations.expire_silent(utc_now() + timedelta(seconds=60))
        return answer

    with writing() as session:
        session.get_one(Cell, member).tags = ["ssd"]  # so that its next word counts
    monkeypatch.setattr(observations, "_is_news", overtaken)
    say()
    monkeypatch.undo()
    assert cells.get_cell("cell-1")["state"] == "offline"
    say()
    assert cells.get_cell("cell-1")["state"] == "online"
