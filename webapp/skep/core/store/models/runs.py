"""Runs, their outcomes, and the event stream."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from skep.core.store.base import ID, NAME, Base, new_id, utc_now


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
