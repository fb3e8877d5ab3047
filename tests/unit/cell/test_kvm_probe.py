"""The probe believes a byte that a guest wrote, and nothing else."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from skep.cell import kvm_probe


class FakeQemu:
    def __init__(self, output: bytes, version: bytes = b"QEMU emulator version 7.2.22") -> None:
        self.output = output
        self.version = version
        self.starts = 0

    def __call__(self, arguments: Sequence[str]) -> bytes:
        if "--version" in arguments:
            return self.version
        self.starts += 1
        assert arguments[arguments.index("-accel") + 1] == "kvm"
        assert Path(arguments[arguments.index("-bios") + 1]).read_bytes() == kvm_probe.rom()
        return self.output


@pytest.mark.parametrize(
    ("output", "state"),
    [
        (b"SK", "usable"),
        (b"S", "unusable"),
        (b"", "unusable"),
        (b"Could not access KVM kernel module".replace(b"K", b""), "unusable"),
    ],
)
def test_the_answer_is_what_the_guest_wrote(tmp_path: Path, output: bytes, state: str) -> None:
    assert kvm_probe.probe("qemu", [tmp_path], "boot", FakeQemu(output)) == state


def test_the_answer_is_remembered_until_boot_or_qemu_change(tmp_path: Path) -> None:
    qemu = FakeQemu(b"SK")
    for boot, version, starts in [
        ("a", b"7.2", 1),
        ("a", b"7.2", 1),
        ("b", b"7.2", 2),
        ("b", b"8.0", 3),
        ("b", b"8.0", 3),
    ]:
        qemu.version = b"QEMU emulator version " + version
        assert kvm_probe.probe("qemu", [tmp_path], boot, qemu) == "usable"
        assert qemu.starts == starts


@pytest.mark.parametrize("damage", ["", "[]", '{"kvm": "usable"}', '{"kvm": 1}', "\x00"])
def test_a_damaged_memory_is_probed_anew(tmp_path: Path, damage: str) -> None:
    (tmp_path / "kvm.json").write_text(damage)
    assert kvm_probe.probe("qemu", [tmp_path], "boot", FakeQemu(b"")) == "unusable"


def test_the_next_folder_is_used_if_the_first_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folders = [tmp_path / "file" / "no", tmp_path / "state"]
    assert kvm_probe.probe("qemu", folders, "boot", FakeQemu(b"SK")) == "usable"
    assert (tmp_path / "state" / "kvm.json").exists()
    assert kvm_probe.probe("qemu", folders[:1], "boot", FakeQemu(b"SK")) == "unknown"


def test_the_rom_jumps_from_the_reset_vector_to_its_start() -> None:
    rom = kvm_probe.rom()
    assert len(rom) == 65536
    assert rom[0] == 0xFA
    offset = int.from_bytes(rom[-15:-13], "little", signed=True)
    assert rom[-16] == 0xE9
    assert (0xFFF0 + 3 + offset) % 65536 == 0


def test_a_program_that_is_missing_says_nothing() -> None:
    assert kvm_probe.run(["/nowhere/qemu"]) == b""


def test_a_program_that_never_proves_itself_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kvm_probe, "START_S", 5.0)
    monkeypatch.setattr(kvm_probe, "RUN_S", 0.2)
    assert kvm_probe.run(["sh", "-c", "printf S; sleep 60"]) == b"S"
    monkeypatch.setattr(kvm_probe, "START_S", 0.2)
    assert kvm_probe.run(["sleep", "60"]) == b""


def test_the_version_is_read_from_what_qemu_prints() -> None:
    said = b"QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright"
    assert kvm_probe.qemu_version("qemu", FakeQemu(b"", said)) == "7.2.22"
    assert kvm_probe.qemu_version("qemu", FakeQemu(b"", b"")) is None
