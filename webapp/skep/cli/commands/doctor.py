"""`skep doctor`: is everything as it should be, and what to do where it is not."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import click

from skep import __version__
from skep.cli.config import connect
from skep.cli.options import output_option
from skep.cli.output import print_data
from skep.cli.report import ExitCode, exit_code_of
from skep.cli.text import coloured, inert
from skep.domain.errors import SkepError
from skep.domain.states import CellState, ImageState, KvmState

if TYPE_CHECKING:
    from skep.client.api import CoreApi, Status
    from skep.client.cells import Cell
    from skep.client.images import Image

_WARN_DAYS = 30
_FORGED = ("bad_signature", "replayed")


class Finding(NamedTuple):
    """What one check found. `level` is ok, warn or fail; `next` is the step that mends it."""

    level: str
    check: str
    message: str
    next: str = ""


@click.command()
@output_option
@click.pass_context
def doctor(ctx: click.Context, output: str) -> None:
    """Check the Core, discovery, the Cells and the images; say what to do next."""
    findings: list[Finding] = []
    code = ExitCode.OK
    try:
        with connect() as api:
            for finding in _examine(api):
                findings.append(finding)
                _tell(finding, output)
    except SkepError as error:
        findings.append(Finding("fail", "core", str(error)))
        _tell(findings[-1], output)
        code = exit_code_of(error)
    if output in {"json", "yaml"}:
        print_data([each._asdict() for each in findings], output)
    if code == ExitCode.OK and any(each.level == "fail" for each in findings):
        code = ExitCode.ERROR
    ctx.exit(code)


def check_certificate(expires_at: datetime, now: datetime) -> Finding:
    """Judge the days left of the Core's certificate."""
    days = (expires_at - now).days
    message = f"valid for {days} more days"
    if days >= _WARN_DAYS:
        return Finding("ok", "certificate", message)
    return Finding("warn", "certificate", message, "`skep-core init` on the Core's host renews it")


def check_status(status: "Status") -> Iterator[Finding]:
    """Judge what the Core says about itself."""
    if status.version == __version__:
        yield Finding("ok", "version", f"Core and skep are {__version__}")
    else:
        message = f"the Core is {status.version}, skep is {__version__}"
        yield Finding("warn", "version", message, "install the same version on both")
    if status.database == "ok":
        yield Finding("ok", "database", "ok")
    else:
        yield Finding("fail", "database", status.database or "unknown", "read the Core's log")
    yield _discovery(status)


def check_cells(cells: Sequence["Cell"]) -> Iterator[Finding]:
    """Judge the Cells: members online, identities single, KVM usable."""
    names = {state: [each.name for each in cells if each.state == state] for state in CellState}
    online, offline = names[CellState.ONLINE], names[CellState.OFFLINE]
    counted = ", ".join(f"{len(found)} {state}" for state, found in names.items() if found)
    if not online:
        yield Finding("fail", "cells", counted or "none", _first_step(names[CellState.DISCOVERED]))
    elif offline:
        step = f"is {offline[0]} up, and its Cell daemon? `skep cell show {offline[0]}`"
        yield Finding("warn", "cells", counted, step)
    else:
        yield Finding("ok", "cells", counted)
    for each in cells:
        if each.conflict:
            step = "two hosts share one identity key; give one of them a new one"
            yield Finding("fail", "cells", f"{each.name}: {each.conflict}", step)
    yield from _kvm([each for each in cells if each.state == CellState.ONLINE])


def check_images(images: Sequence["Image"]) -> Finding:
    """Judge whether there is something to create instances from."""
    ready = [each for each in images if each.state == ImageState.READY]
    if ready:
        return Finding("ok", "images", f"{len(ready)} of {len(images)} ready")
    return Finding("warn", "images", "none ready", "`skep image upload FILE --name NAME`")


def _examine(api: "CoreApi") -> Iterator[Finding]:
    """Yield findings in the order in which things build on each other."""
    expires_at = api.certificate_expires_at()
    yield Finding("ok", "core", f"{api.url} answers")
    yield check_certificate(expires_at, datetime.now(UTC))
    yield from check_status(api.status())
    yield from check_cells(list(api.cells.list()))
    yield check_images(list(api.images.list()))


def _discovery(status: "Status") -> Finding:
    dropped = {reason: count for reason, count in status.discovery.dropped.items() if count}
    told = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
    message = f"{status.discovery.received} announcements heard" + (
        f", dropped {told}" if told else ""
    )
    zone = status.zone
    where = f"{zone.get('group', '?')}:{zone.get('port', '?')}"
    if not status.discovery.received:
        step = (
            f"is a Cell up, does multicast to {where} pass the switch, is UDP open in the firewall?"
        )
        return Finding("warn", "discovery", message, step)
    if any(dropped.get(reason) for reason in _FORGED):
        return Finding("warn", "discovery", message, "somebody forges or repeats announcements")
    if dropped.get("skewed"):
        return Finding("warn", "discovery", message, "set the clocks: `timedatectl` on each host")
    return Finding("ok", "discovery", message)


def _first_step(discovered: Sequence[str]) -> str:
    if discovered:
        return f"`skep cell accept {discovered[0]} --pool default`"
    return "start the Cell daemon on a host of this network"


def _kvm(online: Sequence["Cell"]) -> Iterator[Finding]:
    slow = [each.name for each in online if each.kvm == KvmState.UNUSABLE]
    untried = [each.name for each in online if each.kvm == KvmState.UNKNOWN]
    if slow:
        step = "switch virtualisation on in the firmware; instances are emulated, many times slower"
        yield Finding("warn", "kvm", f"unusable on {', '.join(slow)}", step)
    if untried:
        yield Finding(
            "warn", "kvm", f"not probed yet on {', '.join(untried)}", "wait for the probe"
        )
    if online and not slow and not untried:
        yield Finding("ok", "kvm", "usable on every online Cell")


def _tell(finding: Finding, output: str) -> None:
    if output == "name":
        click.echo(f"{finding.level} {finding.check}")
    elif output == "table":
        step = f"\n{'':19}next: {inert(finding.next)}" if finding.next else ""
        level = coloured(f"{finding.level:<6}")
        click.echo(f"{level}{finding.check:<13}{inert(finding.message)}{step}")
