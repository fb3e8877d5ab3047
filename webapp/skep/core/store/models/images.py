"""Images and where their copies are."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from skep.core.store.base import ID, NAME, Base, new_id, utc_now
from skep.core.store.models.cells import Cell


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
