"""PID 1 of a light Cell: makes the Cell's root, starts its services and buries its dead.

Run as `init.py NAME LAYER DISK` with nothing but the standard library. It prints the process id of
PID 1 and waits for a line on standard input, by which time the Cell has its network interface.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
MS_RDONLY, MS_BIND, MS_REC, MS_PRIVATE = 1, 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
SYS_PIVOT_ROOT = 155
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
DISKS = {"skep": "var/lib/skep", "libvirt": "var/lib/libvirt", "home": "root"}
DEVICES = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
    "net/tun": (10, 200),
}
LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
# The service manager that Skep brings where there is no systemd; a container starts it like this.
SUPERVISOR = Path("/etc/skep/supervisord.conf")
libc = ctypes.CDLL(None, use_errno=True)


def main(name: str, layer: Path, disk: Path) -> None:
    """Become the Cell called name."""
    _check(
        libc.unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET),
        "unshare",
    )
    init = os.fork()
    if init:
        print(init, flush=True)
        os._exit(0)
    sys.stdin.readline()
    socket.sethostname(name)
    make_root(layer, disk)
    detach()
    live()


def make_root(layer: Path, disk: Path) -> None:
    """Lay the Cell's files over the host's and make that the root directory."""
    mount("none", Path("/"), "", MS_REC | MS_PRIVATE)
    root = layer / "root"
    options = f"lowerdir=/,upperdir={layer}/upper,workdir={layer}/work"
    mount("overlay", root, "overlay", data=options)
    for source, target in DISKS.items():
        (root / target).mkdir(parents=True, exist_ok=True)
        mount(str(disk / source), root / target, "", MS_BIND)
    mount("proc", root / "proc", "proc")
    mount("sysfs", root / "sys", "sysfs", MS_RDONLY)
    for target, mode in (("dev", "0755"), ("run", "0755"), ("tmp", "1777"), ("var/tmp", "1777")):
        mount("tmpfs", root / target, "tmpfs", data=f"mode={mode}")
    make_devices(root / "dev")
    for directory in ("run/sshd", "run/lock", "run/skep"):
        (root / directory).mkdir()
    os.chdir(root)
    # Stacks the new root over the old one, then takes the old one away: pivot_root(2), NOTES.
    _check(libc.syscall(SYS_PIVOT_ROOT, b".", b"."), "pivot_root")
    _check(libc.umount2(b".", MNT_DETACH), "umount2")
    os.chdir("/")


def make_devices(dev: Path) -> None:
    """Fill /dev. There is no kvm in it: on this machine's kernel guests would hang on it."""
    for directory in ("net", "pts", "shm"):
        (dev / directory).mkdir()
    mount("devpts", dev / "pts", "devpts", data="newinstance,ptmxmode=0666,mode=0620,gid=5")
    mount("tmpfs", dev / "shm", "tmpfs", data="mode=1777")
    for name, (major, minor) in DEVICES.items():
        os.mknod(dev / name, stat.S_IFCHR, os.makedev(major, minor))
        (dev / name).chmod(0o666)
    for name, target in LINKS.items():
        (dev / name).symlink_to(target)


def mount(source: str, target: Path, kind: str, flags: int = 0, data: str = "") -> None:
    """mount(2), or die saying what."""
    done = libc.mount(
        source.encode(), os.fsencode(target), kind.encode() or None, flags, data.encode() or None
    )
    _check(done, f"mount {source} on {target}")


def detach() -> None:
    """Keep the console (standard error) and nothing else of whoever started the Cell."""
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    for descriptor in range(3, 1024):
        try:
            os.close(descriptor)
        except OSError:
            continue


def live() -> None:
    """Start the services and reap for ever; a lost SSH server is replaced."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if SUPERVISOR.exists():
        start("/usr/bin/supervisord", "-c", str(SUPERVISOR))
    sshd = start("/usr/sbin/sshd", "-D", "-e")
    while True:
        dead, _status = os.wait()
        if dead == sshd:
            time.sleep(0.2)
            sshd = start("/usr/sbin/sshd", "-D", "-e")


def start(*argv: str) -> int:
    """Start a service and return its process id; live() reaps it."""
    return subprocess.Popen(argv, env=ENVIRONMENT, start_new_session=True).pid


def _check(result: int, what: str) -> None:
    if result != 0:
        print(f"{what}: {os.strerror(ctypes.get_errno())}", file=sys.stderr, flush=True)
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
