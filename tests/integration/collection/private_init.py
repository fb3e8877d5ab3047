"""The first process of a private host: mounts its folders, starts virtlogd and libvirtd, reaps.

Runs as PID 1 of its own PID namespace, so that its end is the end of every qemu it has.
Usage: private_init.py ROOT
"""

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

MOUNTS = {
    "run": "/run",
    "lib": "/var/lib",
    "log": "/var/log",
    "cache": "/var/cache",
    "etc": "/etc/libvirt",
}
QEMU_CONF = """\
security_driver = "none"
namespaces = []
cgroup_controllers = []
remember_owner = 0
"""


def main(root: Path) -> None:
    for folder in ("run/lock", "run/libvirt", "lib/libvirt", "log/libvirt", "cache/libvirt", "etc"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "etc/qemu.conf").write_text(QEMU_CONF)
    (root / "etc/libvirtd.conf").write_text(
        f'auth_unix_rw = "none"\nauth_unix_ro = "none"\nhost_uuid = "{uuid.uuid4()}"\n'
    )
    for source, target in MOUNTS.items():
        _run("mount", "--bind", str(root / source), target)
    _run("mount", "-t", "proc", "proc", "/proc")
    if Path("/dev/kvm").exists():
        _hide_kvm(root)
    # Terminals of its own: what others do to the host's devpts is not seen here.
    _run("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620", "pts", "/dev/pts")
    _run("mount", "--bind", "/dev/pts/ptmx", "/dev/ptmx")
    _run("ip", "link", "set", "lo", "up")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    with (root / "daemons.log").open("w") as log:
        for daemon in ("virtlogd", "libvirtd"):
            subprocess.Popen([daemon], stdout=log, stderr=log)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            signal.pause()


def _hide_kvm(root: Path) -> None:
    """Guests do not start under it here.

    Where libvirt may open the file and QEMU can do nothing with it, libvirt asks QEMU for its
    capabilities anew at every definition, which takes seconds.
    """
    closed = root / "no-kvm"
    closed.touch(mode=0o000)
    _run("mount", "--bind", str(closed), "/dev/kvm")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
