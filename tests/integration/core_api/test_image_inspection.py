"""The known abuses of image files, each made here and each refused."""

import os
import shutil
import struct
from pathlib import Path

import pytest

from skep.core.store import image_inspection
from skep.core.store.image_inspection import (
    ImageTooLargeError,
    NotAnImageError,
    UnsafeImageError,
    inspect,
)
from skep.domain.errors import SkepError
from skep.domain.states import ImageKind

DISK, MEDIA = ImageKind.DISK, ImageKind.MEDIA
SECTOR = 2048


def _iso(
    path: Path, sectors: int = 20, claimed: int | None = None, *, hybrid: bool = False
) -> Path:
    """Write the least that is an ISO 9660 volume: descriptors in sectors 16 and 17."""
    image = bytearray(sectors * SECTOR)
    primary = 16 * SECTOR
    image[primary : primary + 7] = b"\x01CD001\x01"
    size = sectors if claimed is None else claimed
    image[primary + 80 : primary + 88] = struct.pack("<I", size) + struct.pack(">I", size)
    image[primary + 128 : primary + 132] = struct.pack("<H", SECTOR) + struct.pack(">H", SECTOR)
    image[primary + SECTOR : primary + SECTOR + 7] = b"\xffCD001\x01"
    if hybrid:
        image[446:462] = struct.pack("<B3BB3BII", 0x80, 0, 1, 0, 0x17, 0, 1, 0, 0, sectors * 4)
        image[510:512] = b"\x55\xaa"
    path.write_bytes(image)
    return path


def _patched(good: Path, offset: int, value: bytes) -> Path:
    path = good.with_name("patched.qcow2")
    content = bytearray(good.read_bytes())
    content[offset : offset + len(value)] = value
    path.write_bytes(content)
    return path


def test_a_plain_qcow2_is_taken(good):
    facts = inspect(good, DISK)
    assert (facts.format, facts.virtual_size_bytes) == ("qcow2", 2 * 2**20)


def test_a_compressed_qcow2_with_a_snapshot_is_taken(qemu_img, good):
    packed = qemu_img("packed.qcow2", "convert", "-c", "-O", "qcow2", str(good), "PATH")
    qemu_img("packed.qcow2", "snapshot", "-c", "before", "PATH")
    assert inspect(packed, DISK).format == "qcow2"


def test_an_iso_is_taken_also_if_it_boots_from_a_stick(tmp_path):
    assert inspect(_iso(tmp_path / "a.iso"), MEDIA).format == "iso"
    hybrid = inspect(_iso(tmp_path / "b.iso", hybrid=True), MEDIA)
    assert (hybrid.format, hybrid.virtual_size_bytes) == ("iso", 20 * SECTOR)


@pytest.mark.parametrize(
    "backing",
    ["/etc/shadow", 'json:{"driver":"raw","file.filename":"/etc/shadow"}', "nbd://192.0.2.1/x"],
)
def test_a_backing_file_is_refused(qemu_img, backing: str):
    path = qemu_img(
        "overlay.qcow2", "create", "-u", "-f", "qcow2", "-F", "raw", "-b", backing, "PATH", "1M"
    )
    with pytest.raises(UnsafeImageError, match="backing"):
        inspect(path, DISK)


def test_a_backing_file_without_a_recorded_format_is_refused(good):
    name = b"/etc/shadow"
    offset = len(good.read_bytes())
    patched = _patched(good, offset, name)
    content = bytearray(patched.read_bytes())
    content[8:20] = struct.pack(">QI", offset, len(name))
    patched.write_bytes(content)
    with pytest.raises(SkepError):
        inspect(patched, DISK)


def test_an_external_data_file_is_refused(qemu_img, tmp_path):
    path = qemu_img(
        "external.qcow2", "create", "-f", "qcow2", "-o",
        f"data_file={tmp_path}/passwd,data_file_raw=on", "PATH", "1M",
    )  # fmt: skip
    with pytest.raises(UnsafeImageError, match="data_file"):
        inspect(path, DISK)


@pytest.mark.parametrize("image_format", ["qed", "vmdk", "vdi", "vhdx", "vpc", "raw"])
def test_another_format_is_refused(qemu_img, image_format: str):
    path = qemu_img("other", "create", "-f", image_format, "PATH", "1M")
    with pytest.raises((NotAnImageError, UnsafeImageError)):
        inspect(path, DISK)


def test_a_luks_volume_is_refused(tmp_path):
    # Written by hand: qemu-img times its key derivation first, which fails on a busy machine.
    header = struct.pack(">6sH32s32s32s", b"LUKS\xba\xbe", 1, b"aes", b"xts-plain64", b"sha256")
    path = tmp_path / "volume.luks"
    path.write_bytes(header.ljust(2 << 20, b"\0"))
    with pytest.raises((NotAnImageError, UnsafeImageError)):
        inspect(path, DISK)


def test_an_encrypted_qcow2_is_refused(qemu_img):
    # Not luks, for the same reason.
    path = qemu_img(
        "secret.qcow2", "create", "--object", "secret,id=s,data=x", "-f", "qcow2",
        "-o", "encrypt.format=aes,encrypt.key-secret=s", "PATH", "1M",
    )  # fmt: skip
    with pytest.raises(SkepError):
        inspect(path, DISK)


def test_a_vmdk_descriptor_that_names_a_host_file_is_refused(tmp_path):
    path = tmp_path / "flat.vmdk"
    path.write_text(
        "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n"
        'createType="monolithicFlat"\nRW 4 FLAT "/etc/passwd" 0\n'
    )
    for kind in (DISK, MEDIA):
        with pytest.raises((NotAnImageError, UnsafeImageError)):
            inspect(path, kind)


@pytest.mark.parametrize(
    "content", [b"", b"x", b"#!/bin/sh\necho hello\n" * 5000, b"QFI\xfb", b"\0" * 10**6]
)
def test_what_is_no_image_is_refused(tmp_path, content: bytes):
    path = tmp_path / "file"
    path.write_bytes(content)
    for kind in (DISK, MEDIA):
        with pytest.raises(NotAnImageError):
            inspect(path, kind)


@pytest.mark.parametrize("kept", [100, 200, 70_000, 500_000])
def test_a_truncated_qcow2_is_refused(good, kept: int):
    path = good.with_name("cut.qcow2")
    path.write_bytes(good.read_bytes()[:kept])
    with pytest.raises(NotAnImageError):
        inspect(path, DISK)


def test_a_truncated_iso_is_refused(tmp_path):
    with pytest.raises(NotAnImageError, match="cut short"):
        inspect(_iso(tmp_path / "cut.iso", claimed=5000), MEDIA)


def test_a_disk_is_no_media_and_a_media_no_disk(good, tmp_path):
    with pytest.raises(NotAnImageError, match="found qcow2, wanted iso"):
        inspect(good, MEDIA)
    with pytest.raises(NotAnImageError, match="wanted qcow2"):
        inspect(_iso(tmp_path / "a.iso"), DISK)


def test_a_file_that_is_two_formats_at_once_is_refused(good, tmp_path):
    both = bytearray(_iso(tmp_path / "a.iso", sectors=200).read_bytes())
    both[:512] = good.read_bytes()[:512]
    path = tmp_path / "both"
    path.write_bytes(both)
    for kind in (DISK, MEDIA):
        with pytest.raises(NotAnImageError):
            inspect(path, kind)


def test_a_huge_virtual_disk_is_refused(qemu_img):
    path = qemu_img("huge.qcow2", "create", "-f", "qcow2", "PATH", "60T")
    assert path.stat().st_size < 2 * 2**20
    with pytest.raises(ImageTooLargeError):
        inspect(path, DISK)


@pytest.mark.parametrize(
    ("what", "offset", "value"),
    [
        ("cluster_bits", 20, struct.pack(">I", 63)),
        ("cluster_bits 0", 20, struct.pack(">I", 0)),
        ("L1 of 4 G entries", 36, struct.pack(">I", 0xFFFFFFFF)),
        ("L1 behind the end", 40, struct.pack(">Q", 2**60)),
        ("snapshots", 60, struct.pack(">IQ", 0xFFFFFFFF, 2**50)),
        ("refcount table", 48, struct.pack(">QI", 2**50, 0xFFFFFFFF)),
        ("version", 4, struct.pack(">I", 99)),
        ("unknown incompatible feature", 72, struct.pack(">Q", 1 << 50)),
        ("header length", 100, struct.pack(">I", 0xFFFFFFF0)),
    ],
)
def test_a_header_bomb_is_refused_and_costs_little(good, what: str, offset: int, value: bytes):
    begun = os.times()
    with pytest.raises(SkepError) as refused:
        inspect(_patched(good, offset, value), DISK)
    assert refused.value.code in {"not_an_image", "unsafe_image"}, what
    spent = os.times()
    assert spent.children_user - begun.children_user < 5


def test_qemu_img_never_opens_what_the_inspector_refused(qemu_img, monkeypatch):
    path = qemu_img(
        "overlay.qcow2",
        "create",
        "-u",
        "-f",
        "qcow2",
        "-F",
        "raw",
        "-b",
        "/etc/shadow",
        "PATH",
        "1M",
    )
    monkeypatch.setattr(
        image_inspection, "_qemu_img", lambda *_arguments: pytest.fail("it was opened")
    )
    with pytest.raises(UnsafeImageError):
        inspect(path, DISK)


def test_parsers_that_disagree_are_a_refusal(good, monkeypatch):
    info = {"format": "qcow2", "virtual-size": 7}
    monkeypatch.setattr(image_inspection, "_qemu_img", lambda *_arguments: info)
    with pytest.raises(NotAnImageError, match="disagree"):
        inspect(good, DISK)


def test_a_parser_that_hangs_is_stopped(good, monkeypatch, tmp_path):
    slow = tmp_path / "bin"
    slow.mkdir()
    (slow / "qemu-img").write_text("#!/bin/sh\nexec sleep 60\n")
    (slow / "qemu-img").chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow}:{os.environ['PATH']}")
    monkeypatch.setattr(image_inspection, "_WALL_LIMIT_S", 0.5)
    with pytest.raises(NotAnImageError, match="cannot read"):
        inspect(good, DISK)


def test_the_limits_stop_a_parser_that_eats_memory(good, monkeypatch, tmp_path):
    greedy = tmp_path / "bin"
    greedy.mkdir()
    python = shutil.which("python3")
    (greedy / "qemu-img").write_text(f"#!{python}\nx = bytearray(3 * 2**30)\nprint('{{}}')\n")
    (greedy / "qemu-img").chmod(0o755)
    monkeypatch.setenv("PATH", f"{greedy}:{os.environ['PATH']}")
    with pytest.raises(NotAnImageError, match="cannot read"):
        inspect(good, DISK)
