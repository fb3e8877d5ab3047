"""Does KVM work here? Only a guest that ran can tell: /dev/kvm exists on hosts where none does.

The guest is a 64 KiB ROM without firmware. It goes from the reset vector into 64-bit mode with
paging, says S on QEMU's debug console, runs 20 million instructions, and says K if the sum is
right. A KVM that interprets every instruction (seen: 0.65 us each) runs out of time, rightly.
"""

import json
import re
import selectors
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

START_S = 30.0  # until S: QEMU itself took 5 s to start on a nested host
RUN_S = 3.0  # from S to K: milliseconds on hardware, 0.1 s nested in emulation on a busy host
STARTED, PROOF = b"S", b"K"

_ROM_BYTES = 64 * 1024
_RESET_VECTOR = _ROM_BYTES - 16
_CODE = bytes.fromhex(
    # 16 bit, at f000:0000
    "fa"  # cli
    "b800f0 8ed8"  # ds = 0xf000
    "660f0116c000"  # lgdtl gdtr
    "0f20c0 0c01 0f22c0"  # cr0 |= PE
    "66ea1c000f000800"  # ljmpl 0x08:0xf001c
    # 32 bit
    "66b81000 8ed8 8ed0"  # ds = ss = 0x10
    "c7050010000003200000"  # PML4[0] at 0x1000 -> 0x2000
    "c7050020000003300000"  # PDPT[0] at 0x2000 -> 0x3000
    "c7050030000083000000"  # PD[0] at 0x3000: 2 MiB page at 0
    "b800100000 0f22d8"  # cr3 = 0x1000
    "b820000000 0f22e0"  # cr4 = PAE
    "b9800000c0 0f32 0d00010000 0f30"  # EFER |= LME
    "b801000080 0f22c0"  # cr0 = PG | PE
    "ea6f000f001800"  # ljmp 0x18:0xf006f
    # 64 bit: eax = 4,000,000 + ... + 1, each partial sum through the stack
    "b053 e6e9"  # outb 'S', 0xe9
    "48c7c400400000"  # rsp = 0x4000
    "b900093d00 31c0"  # ecx = 4,000,000; eax = 0
    "01c8 50 5b e2fa"  # again: eax += ecx; push rax; pop rbx; loop again
    "81fb800447a5 7504"  # if ebx == sum mod 2^32:
    "b04b e6e9"  # outb 'K', 0xe9
    "b010 e6f4"  # outb 0x10, 0xf4: QEMU exits
    "f4 ebfd"  # hlt, for ever
    "909090909090"
    # GDT: null, 32-bit code, data, 64-bit code; gdtr
    "0000000000000000 ffff0000009bcf00 ffff00000093cf00 ffff0000009baf00"
    "1f00 a0000f00"
)


Run = Callable[[Sequence[str]], bytes]


def rom() -> bytes:
    """The guest: code at 0, `jmp 0` at the reset vector, hlt everywhere else."""
    jump = b"\xe9" + (-(_RESET_VECTOR + 3) % 2**16).to_bytes(2, "little")
    return (_CODE.ljust(_RESET_VECTOR, b"\xf4") + jump).ljust(_ROM_BYTES, b"\xf4")


def command(qemu: str, rom_file: Path, accelerator: str = "kvm") -> list[str]:
    """Starts the guest with nothing but a CPU, 16 MiB and two debug ports."""
    return [
        *(qemu, "-accel", accelerator, "-machine", "pc,usb=off", "-m", "16"),
        *("-display", "none", "-nodefaults", "-no-user-config", "-no-reboot"),
        *("-bios", str(rom_file), "-chardev", "stdio,id=out"),
        *("-device", "isa-debugcon,chardev=out,iobase=0xe9"),
        *("-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"),
    ]


def run(arguments: Sequence[str]) -> bytes:
    """What the program printed until it ended, or until its time was over and it was killed."""
    try:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
    except OSError:
        return b""
    with process:
        try:
            return _listen(process)
        finally:
            process.kill()


def _listen(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    output, deadline = b"", time.monotonic() + START_S
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            piece = process.stdout.read(4096)
            if not piece:
                break
            if STARTED in piece and STARTED not in output:
                deadline = time.monotonic() + RUN_S
            output += piece
    return output


def qemu_version(qemu: str, run: Run = run) -> str | None:
    """QEMU's version; libvirt would say it too, but only after seconds of looking at every QEMU."""
    match = re.match(rb"QEMU emulator version ([0-9.]+)", run([qemu, "--version"]))
    return match[1].decode("ascii") if match else None


def probe(qemu: str, cache_dirs: Sequence[Path], boot_id: str, run: Run = run) -> str:
    """`usable` or `unusable`; remembered until this host boots again or QEMU changes."""
    key = {"boot_id": boot_id, "qemu": qemu_version(qemu, run)}
    for folder in cache_dirs:
        state = _cached(folder / "kvm.json", key)
        if state is not None:
            return state
    for folder in cache_dirs:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "kvm-probe.rom").write_bytes(rom())
        except OSError:
            continue  # /run/skep belongs to root; the state directory is ours
        proven = PROOF in run(command(qemu, folder / "kvm-probe.rom"))
        state = "usable" if proven else "unusable"
        (folder / "kvm.json").write_text(json.dumps({**key, "kvm": state}), encoding="utf-8")
        return state
    return "unknown"


def _cached(path: Path, key: dict[str, str | None]) -> str | None:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    state = known.get("kvm") if isinstance(known, dict) else None
    same = state in {"usable", "unusable"} and known.items() >= key.items()
    return state if same else None
