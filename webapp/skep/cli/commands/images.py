"""`skep image`: the read-only sources of volumes, and CDs."""

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skep.cli.completion import image_names
from skep.cli.config import connect
from skep.cli.options import How, changing, output_option
from skep.cli.output import Column, show_item, show_items
from skep.cli.text import note
from skep.cli.waiting import byte_progress, conclude
from skep.client.errors import RefusedError
from skep.domain.errors import SkepError

if TYPE_CHECKING:
    from skep.client.api import CoreApi
    from skep.client.images import Image

_MIB = 1024 * 1024
_PATIENCE_S = (0, 0.2, 0.4, 0.8)
_name = click.argument("name", shell_complete=image_names)


@click.group()
def image() -> None:
    """Images: list, upload, delete."""


@image.command("list")
@output_option
def list_(output: str) -> None:
    """List the images."""
    with connect() as api:
        show_items(api.images.list(), output, _COLUMNS, _EMPTY)


@image.command()
@_name
@output_option
def show(name: str, output: str) -> None:
    """Show one image with its checksum and the Cells that hold it."""
    with connect() as api:
        show_item(api.images.get(name), output)


@image.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", required=True, help="The name of the new image.")
@click.option(
    "--kind",
    type=click.Choice(["disk", "media"]),
    default="disk",
    show_default=True,
    help="A disk image is cloned by instances; a media image (ISO) is inserted as a CD.",
)
@output_option
def upload(file: Path, name: str, kind: str, output: str) -> None:
    """Upload a file as a new image. The Core inspects it before it can be used."""
    if file.stat().st_size == 0:
        raise click.BadParameter(f"{file} is empty", param_hint="FILE")
    with connect() as api:
        show_items([_upload(api, file, name, kind)], output, _COLUMNS)


@image.command()
@_name
@changing
def delete(name: str, how: How) -> None:
    """Delete an image that no instance uses."""
    with connect() as api:
        conclude(api, api.images.delete(name), how)


def _upload(api: "CoreApi", file: Path, name: str, kind: str) -> "Image":
    """Create the image and send its content; leave nothing behind when that fails."""
    created = api.images.create(name, kind)
    try:
        with byte_progress(f"upload {file.name}", file.stat().st_size) as tell:
            return api.images.upload(created.id, file, tell)
    except (SkepError, OSError, KeyboardInterrupt):
        _forget(api, created)
        raise


def _forget(api: "CoreApi", created: "Image") -> None:
    """Delete the image; a Core that still reads the broken upload lets go of it within a moment."""
    for pause_s in _PATIENCE_S:
        time.sleep(pause_s)
        try:
            api.images.delete(created.id)
        except RefusedError:
            continue
        except SkepError:
            break
        return
    left = created.name
    note(f"image {left} is left behind without content; `skep image delete {left}`")


def _mib(size_bytes: int | None) -> str | None:
    return None if size_bytes is None else str(math.ceil(size_bytes / _MIB))


_COLUMNS: list[Column] = [
    ("NAME", lambda each: each.name),
    ("KIND", lambda each: each.kind),
    ("STATE", lambda each: each.state),
    ("FORMAT", lambda each: each.format),
    ("SIZE_MIB", lambda each: _mib(each.size_bytes)),
    ("VIRTUAL_MIB", lambda each: _mib(each.virtual_size_bytes)),
    ("CACHED_ON", lambda each: each.cached_on),
]
_EMPTY = "no image yet; `skep image upload FILE --name NAME` adds one"
