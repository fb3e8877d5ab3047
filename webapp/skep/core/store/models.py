"""The tables. Units are in the names; states are spelled as in skep.domain.states."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from skep.core.store.base import Base, new_id, utc_now

ID = String(36)
NAME = String(64)


class Pool(Base):
    """A set of Cells with one placement policy; a Cell is in at most one."""

    __tablename__ = "pool"
    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(NAME, unique=True)
    cores_overcommit: Mapped[float] = mapped_column(default=3.0)
    memory_overcommit: Mapped[float] = mapped_column(default=1.0)
    disk_overcommit: Mapped[float] = mapped_column(default=1.0)
    generation: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


_IS_MEMBER = text("state IN ('enrolling', 'online', 'offline')")


class Cell(Base):
    """A hypervisor host as its announcements describe it; a member once it is in a pool."""

    __tablename__ = "cell"
    __table_args__ = (
        Index(
            "uq_cell_member_name",
            "name",
            unique=True,
            sqlite_where=_IS_MEMBER,
            postgresql_where=_IS_MEMBER,
        ),
    )
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(NAME, index=True)
    public_key: Mapped[bytes]
    fingerprint: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), index=True)
    enabled: Mapped[bool] = mapped_column(default=True)
    pool_id: Mapped[str | None] = mapped_column(ForeignKey("pool.id"))
    address: Mapped[str | None] = mapped_column(String(64))
    addresses: Mapped[list[Any]] = mapped_column(default=list)
    is_local: Mapped[bool] = mapped_column(default=False)
    kvm: Mapped[str] = mapped_column(String(16), default="unknown")
    cpus: Mapped[int] = mapped_column(default=0)
    memory_mib: Mapped[int] = mapped_column(default=0)
    disk_gib: Mapped[int] = mapped_column(default=0)
    load1: Mapped[float] = mapped_column(default=0.0)
    memory_used_mib: Mapped[int] = mapped_column(default=0)
    disk_used_gib: Mapped[int] = mapped_column(default=0)
    domains: Mapped[int] = mapped_column(default=0)
    versions: Mapped[dict[str, Any]] = mapped_column(default=dict)
    ssh_host_key: Mapped[str | None] = mapped_column(String(200))
    conflict: Mapped[str | None] = mapped_column(String(400))
    boot_id: Mapped[str] = mapped_column(String(32), default="")
    started_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime]
    generation: Mapped[int] = mapped_column(default=1)
    pool: Mapped[Pool | None] = relationship(lazy="joined")


class Image(Base):
    """A read-only source of disks; its file is named by its id in the image store."""

    __tablename__ = "image"
    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(NAME, unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), index=True)
    format: Mapped[str | None] = mapped_column(String(16))
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    virtual_size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[str | None] = mapped_column(String(400))
    generation: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    copies: Mapped[list["ImageCopy"]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", passive_deletes=True
    )


class ImageCopy(Base):
    """One Cell may hold this image: noted before a run places it there, so none is forgotten."""

    __tablename__ = "image_copy"
    image_id: Mapped[str] = mapped_column(
        ForeignKey("image.id", ondelete="CASCADE"), primary_key=True
    )
    cell_id: Mapped[str] = mapped_column(
        ForeignKey("cell.id", ondelete="CASCADE"), primary_key=True
    )
    placed_at: Mapped[datetime] = mapped_column(default=utc_now)
    cell: Mapped[Cell] = relationship(lazy="joined")


class Reservation(Base):
    """One request for N instances, with the plan that answered it."""

    __tablename__ = "reservation"
    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(NAME)
    count: Mapped[int]
    actor: Mapped[str] = mapped_column(NAME)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Instance(Base):
    """The record a user owns; the domain of the same uuid is on its Cell."""

    __tablename__ = "instance"
    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(NAME, unique=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    pool_id: Mapped[str] = mapped_column(ForeignKey("pool.id"), index=True)
    cell_id: Mapped[str | None] = mapped_column(ForeignKey("cell.id"), index=True)
    image_id: Mapped[str] = mapped_column(ForeignKey("image.id"), index=True)
    reservation_id: Mapped[str] = mapped_column(ForeignKey("reservation.id"), index=True)
    cores: Mapped[int]
    memory_mib: Mapped[int]
    disk_gib: Mapped[int]
    reason_code: Mapped[str | None] = mapped_column(String(64))
    reason_msg: Mapped[str | None] = mapped_column(String(2000))
    run_id: Mapped[str | None] = mapped_column(ForeignKey("run.id"), index=True)
    explanation: Mapped[dict[str, Any]] = mapped_column(default=dict)
    generation: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)
    pool: Mapped[Pool] = relationship(lazy="joined")
    cell: Mapped[Cell | None] = relationship(lazy="joined")
    image: Mapped[Image] = relationship(lazy="joined")


class Run(Base):
    """One operation: one playbook over one or many resources."""

    __tablename__ = "run"
    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    operation: Mapped[str] = mapped_column(String(64), index=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    actor: Mapped[str] = mapped_column(NAME)
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str | None] = mapped_column(String(2000))
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    outcomes: Mapped[list["Outcome"]] = relationship(
        lazy="selectin", order_by="Outcome.position", cascade="all, delete-orphan"
    )


class Outcome(Base):
    """What happened to one resource in one run."""

    __tablename__ = "outcome"
    __table_args__ = (UniqueConstraint("run_id", "resource_id"),)
    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    resource_kind: Mapped[str] = mapped_column(String(16))
    resource_id: Mapped[str] = mapped_column(ID, index=True)
    resource_name: Mapped[str] = mapped_column(NAME)
    cell_id: Mapped[str | None] = mapped_column(ID)
    cell_name: Mapped[str | None] = mapped_column(NAME)
    state: Mapped[str] = mapped_column(String(16))
    changed: Mapped[bool] = mapped_column(default=False)
    code: Mapped[str | None] = mapped_column(String(64))
    msg: Mapped[str | None] = mapped_column(String(2000))
    diff: Mapped[dict[str, Any] | None]


class Event(Base):
    """One line of the event stream; the id is the position that a client resumes from."""

    __tablename__ = "event"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - read by SQLAlchemy
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    kind: Mapped[str] = mapped_column(String(16))
    subject_id: Mapped[str] = mapped_column(ID, index=True)
    run_id: Mapped[str | None] = mapped_column(ID, index=True)
    data: Mapped[dict[str, Any]]


class Token(Base):
    """An API token; only its SHA-256 digest is kept (the token itself has 256 random bits)."""

    __tablename__ = "token"
    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(NAME, unique=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime | None]


class IdempotencyKey(Base):
    """The answer once given to a POST with this key, so that a repeat gets the same."""

    __tablename__ = "idempotency_key"
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    token_id: Mapped[str] = mapped_column(ID, primary_key=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    headers: Mapped[dict[str, Any]]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
