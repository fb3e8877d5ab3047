"""Reservations, the plans that answered them, and their instances."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from skep.core.store.base import ID, NAME, Base, new_id, utc_now
from skep.core.store.models.cells import Cell, Pool
from skep.core.store.models.images import Image


class Reservation(Base):
    """One request for N instances in groups; `request` is what was asked for, to ask it again."""

    __tablename__ = "reservation"
    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(NAME)
    count: Mapped[int]
    actor: Mapped[str] = mapped_column(NAME)
    pool_id: Mapped[str | None] = mapped_column(ForeignKey("pool.id", ondelete="SET NULL"))
    request: Mapped[dict[str, Any]] = mapped_column(default=dict, deferred=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    pool: Mapped[Pool | None] = relationship(lazy="joined")


class Roster(Base):
    """What seldom changes of a whole fleet, as the scheduler encodes it; shared by plans."""

    __tablename__ = "roster"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[bytes] = mapped_column(deferred=True)


class Plan(Base):
    """A committed plan with all its inputs: what explains each of its instances' Cells."""

    __tablename__ = "plan"
    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    document: Mapped[dict[str, Any]] = mapped_column(deferred=True)
    varying: Mapped[bytes] = mapped_column(deferred=True)
    roster_digest: Mapped[str] = mapped_column(ForeignKey("roster.digest"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Instance(Base):
    """The record a user owns; the domain of the same uuid is on its Cell."""

    __tablename__ = "instance"
    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(NAME, unique=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    pool_id: Mapped[str] = mapped_column(ForeignKey("pool.id"), index=True)
    cell_id: Mapped[str | None] = mapped_column(ForeignKey("cell.id"), index=True)
    # Where a migration under way is going: promised there too until it ended.
    target_id: Mapped[str | None] = mapped_column(ForeignKey("cell.id"), index=True)
    image_id: Mapped[str] = mapped_column(ForeignKey("image.id"), index=True)
    plan_id: Mapped[str | None] = mapped_column(ForeignKey("plan.id"), index=True)
    owner: Mapped[str] = mapped_column(NAME, default="")
    flavor: Mapped[str | None] = mapped_column(NAME)
    reservation_id: Mapped[str] = mapped_column(ForeignKey("reservation.id"), index=True)
    cores: Mapped[int]
    memory_mib: Mapped[int]
    disk_gib: Mapped[int]
    reason_code: Mapped[str | None] = mapped_column(String(64))
    reason_msg: Mapped[str | None] = mapped_column(String(2000))
    run_id: Mapped[str | None] = mapped_column(ForeignKey("run.id"), index=True)
    generation: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)
    pool: Mapped[Pool] = relationship(lazy="joined")
    cell: Mapped[Cell | None] = relationship(lazy="joined", foreign_keys=[cell_id])
    target: Mapped[Cell | None] = relationship(foreign_keys=[target_id])
    image: Mapped[Image] = relationship(lazy="joined")


class InstanceGroup(Base):
    """Instances that should be together, or apart; `policy` says which and how strictly."""

    __tablename__ = "instance_group"
    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(NAME, unique=True)
    policy: Mapped[str] = mapped_column(String(24))
    max_per_cell: Mapped[int | None]
    generation: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class InstanceGroupMember(Base):
    """One instance is in one instance group."""

    __tablename__ = "instance_group_member"
    group_id: Mapped[str] = mapped_column(
        ForeignKey("instance_group.id", ondelete="CASCADE"), primary_key=True
    )
    instance_id: Mapped[str] = mapped_column(
        ForeignKey("instance.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Flavor(Base):
    """A named size, with what its Cells must be able to do; no disk size means the image's."""

    __tablename__ = "flavor"
    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(NAME, unique=True)
    cores: Mapped[int]
    memory_mib: Mapped[int]
    disk_gib: Mapped[int | None]
    needs: Mapped[dict[str, Any]] = mapped_column(default=dict)
    generation: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
