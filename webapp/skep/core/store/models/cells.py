"""Pools and Cells."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from skep.core.store.base import ID, NAME, Base, new_id, utc_now


class Pool(Base):
    """A set of Cells with one placement policy; a Cell is in at most one."""

    __tablename__ = "pool"
    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(NAME, unique=True)
    cores_overcommit: Mapped[float] = mapped_column(default=3.0)
    memory_overcommit: Mapped[float] = mapped_column(default=1.0)
    disk_overcommit: Mapped[float] = mapped_column(default=1.0)
    policy: Mapped[str] = mapped_column(String(16), default="spread")
    multipliers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    load_limit: Mapped[float | None]
    io_limit: Mapped[int | None]
    max_instances: Mapped[int | None]
    turn: Mapped[str | None] = mapped_column(ID)  # the Cell that round-robin chose last
    plan_generation: Mapped[int] = mapped_column(default=1)  # counts committed plans
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
    reserved_cores: Mapped[int] = mapped_column(default=0)
    reserved_memory_mib: Mapped[int] = mapped_column(default=0)
    reserved_disk_gib: Mapped[int] = mapped_column(default=0)
    max_instances: Mapped[int] = mapped_column(default=0)  # 0: no limit of its own
    tags: Mapped[list[Any]] = mapped_column(default=list)
    labels: Mapped[dict[str, Any]] = mapped_column(default=dict)
    capabilities: Mapped[dict[str, Any]] = mapped_column(default=dict)
    conflict: Mapped[str | None] = mapped_column(String(400))
    boot_id: Mapped[str] = mapped_column(String(32), default="")
    started_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime]
    generation: Mapped[int] = mapped_column(default=1)
    pool: Mapped[Pool | None] = relationship(lazy="joined")
