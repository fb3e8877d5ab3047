#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

"""Define, change, start, stop and delete domains on a Cell."""

from __future__ import annotations

DOCUMENTATION = r"""
module: domain
short_description: Define, change, start, stop and delete domains on a Cell
version_added: 0.1.0
author:
  - The Skep engineers (@skep-project)
description:
  - A domain is the libvirt object of an instance. It is known by its uuid, so another
    O(items[].name) renames it.
  - What an item does not give is left as libvirt has it; a new domain gets the defaults that are
    named below. A list that is given is the whole list, and what an entry of it does not give has
    that option's default.
  - An item is compared with libvirt's definition by meaning. What libvirt added by itself is no
    change, and stays where it is when something else changes.
  - A change of a running domain is put into force at once where libvirt can do so, and always
    kept for the next start. RV(results[].changes) says which of both each field got.
    RV(results[].pending) lists the fields that still wait for a restart.
  - An item with only O(items[].uuid) or O(items[].name) and O(items[].state) is a power operation.
  - Every item is tried. The module fails when at least one item failed, and always returns the
    result of each.
  - In check mode, volumes that are not on the Cell yet are no failure, since an earlier task may
    be about to create them.
extends_documentation_fragment:
  - skep.kvm.attributes
  - skep.kvm.libvirt
attributes:
  idempotent:
    support: partial
    details: O(items[].state=restarted) restarts and O(items[].state=reset) resets each time.
options:
  items:
    description: The domains.
    type: list
    elements: dict
    required: true
    suboptions:
      uuid:
        description:
          - The uuid of the instance. Needed for a new domain; otherwise O(items[].name) will do.
        type: str
      name:
        description:
          - The name. Any printable text of 1 to 64 characters without V(/).
          - Beside O(items[].uuid) it is the wanted name where the item describes the domain (any
            attribute, or O(items[].state=present)), and only for messages in a power operation.
          - A domain is renamed while it is off, so a running one needs O(items[].state=restarted)
            or O(items[].state=shutoff).
        type: str
      state:
        description:
          - V(present) defines the domain and leaves its power alone.
          - V(running) starts or resumes it.
          - V(shutoff) shuts it down by ACPI or the guest agent, or powers it off with
            O(items[].force).
          - V(restarted) shuts it down as V(shutoff) does, and starts it, with all that waited for
            a restart.
          - V(reset) presses the reset button of a domain that is up.
          - V(paused) halts its CPUs, after a start if it is off.
          - V(resumed) lets a paused domain go on, and fails where it is off.
          - V(absent) powers it off and deletes it with its serial log, NVRAM, TPM state, saved
            memory and the metadata of snapshots. Its volumes stay.
        type: str
        choices: [present, running, shutoff, restarted, reset, paused, resumed, absent]
        default: running
      memory_mib:
        description:
          - Memory of the guest. Below O(items[].memory_max_mib) it changes while it runs, if the
            guest has a balloon driver. Needed for a new domain.
        type: int
      memory_max_mib:
        description:
          - Memory it can have at most without a restart. By default what O(items[].memory_mib)
            is.
        type: int
      vcpus:
        description:
          - Virtual CPUs. More can be added while it runs, up to O(items[].vcpus_max). Needed for
            a new domain.
        type: int
      vcpus_max:
        description:
          - Virtual CPUs it can have at most without a restart. By default what O(items[].vcpus)
            is.
        type: int
      topology:
        description: How the guest sees its CPUs. The product is O(items[].vcpus_max).
        type: dict
        suboptions:
          sockets:
            description: Sockets.
            type: int
            default: 1
          cores:
            description: Cores of a socket.
            type: int
            default: 1
          threads:
            description: Threads of a core.
            type: int
            default: 1
      cpu:
        description:
          - The CPU model. By default V(host-model) under KVM, and what libvirt chooses otherwise.
        type: dict
        suboptions:
          mode:
            description:
              - V(host-model) is the model nearest to the Cell's, which libvirt checks before a
                migration.
              - V(host-passthrough) is the Cell's own CPU; it migrates only between equal Cells.
              - V(maximum) is all that the accelerator can do.
              - V(custom) is O(items[].cpu.model).
            type: str
            choices: [host-model, host-passthrough, maximum, custom]
          model:
            description: A model by libvirt's name, as V(Broadwell-noTSX).
            type: str
          vendor:
            description: The vendor of O(items[].cpu.model) that the Cell's CPU must have.
            type: str
          features:
            description: Features beyond the model's, or without.
            type: list
            elements: dict
            suboptions:
              name:
                description: The feature's name.
                type: str
                required: true
              policy:
                description: What to do about it.
                type: str
                choices: [require, disable, optional, force, forbid]
                default: require
          baseline:
            description:
              - The C(<cpu>) element that C(virsh hypervisor-cpu-baseline) gave for all Cells of a
                pool, instead of the other options.
            type: str
      cpu_shares:
        description:
          - Weight against other domains when CPUs are scarce, V(2) to V(262144); V(0) is
            libvirt's default.
        type: int
      cpu_quota_percent:
        description:
          - How much of a host CPU each virtual one may use, V(1) to V(100); V(0) is no limit.
        type: int
      domain_type:
        description: V(qemu) emulates, for Cells where KVM is not usable. V(kvm) for a new domain.
        type: str
        choices: [kvm, qemu]
      machine:
        description:
          - V(pc), V(q35) or one of their versions, as V(pc-q35-7.2). A new domain gets V(pc), or
            V(q35) with UEFI.
          - The chipset of a domain that exists cannot change.
        type: str
      firmware:
        description:
          - V(bios) for a new domain. V(uefi_secure) is UEFI with secure boot and Microsoft's
            keys, on V(q35).
          - It cannot change once the domain exists.
        type: str
        choices: [bios, uefi, uefi_secure]
      boot:
        description:
          - Kinds of devices to boot from, in order. V(disk) for a new domain. Not beside a
            V(boot_order) of a device.
        type: list
        elements: str
        choices: [disk, cdrom, network]
      disks:
        description: All its disks.
        type: list
        elements: dict
        suboptions:
          volume:
            description:
              - Name of a volume, see M(skep.kvm.volume). Exactly one of this and
                O(items[].disks[].path).
            type: str
          path:
            description: A file or block device below one of O(disk_prefixes).
            type: path
          device:
            description:
              - The device as the guest's bus names it, as V(vdb), V(sda) or V(hda). For a volume
                it is made from its last letter.
            type: str
          bus:
            description: The bus. Disks on V(virtio) and V(scsi) come and go while the domain runs.
            type: str
            choices: [virtio, scsi, sata, ide]
            default: virtio
          format:
            description:
              - What the file holds; it is never probed. V(raw) for a block device, V(qcow2)
                otherwise.
            type: str
            choices: [qcow2, raw]
          cache:
            description: How the Cell caches it. V(default) leaves it to QEMU.
            type: str
            choices: [default, none, writeback, writethrough, directsync, unsafe]
            default: default
          discard:
            description: Whether what the guest discards is given back.
            type: str
            choices: [unmap, ignore]
            default: unmap
          boot_order:
            description:
              - Place in the boot order, from V(1); V(0) is none. Not beside O(items[].boot).
            type: int
            default: 0
          iotune:
            description: Limits; V(0) or nothing is no limit. They change while it runs.
            type: dict
            suboptions:
              read_mib_s:
                description: Reading, in MiB/s.
                type: int
              write_mib_s:
                description: Writing, in MiB/s.
                type: int
              total_mib_s:
                description: Both together, in MiB/s.
                type: int
              read_iops:
                description: Reads in a second.
                type: int
              write_iops:
                description: Writes in a second.
                type: int
              total_iops:
                description: Both together.
                type: int
      cdroms:
        description:
          - All its CD drives. A medium is inserted and ejected while it runs; a drive comes and
            goes with a restart.
        type: list
        elements: dict
        suboptions:
          device:
            description: The drive, as V(sda) or V(hda).
            type: str
            required: true
          bus:
            description: The bus; made from the device, V(ide) for V(hda) and V(sata) for V(sda).
            type: str
            choices: [sata, ide, scsi]
          image:
            description:
              - SHA-256 of a media image on the Cell. At most one of this and
                O(items[].cdroms[].path); neither is an empty drive.
            type: str
          path:
            description:
              - A file below O(volume_directory) or one of O(disk_prefixes), such as a cloud-init
                seed.
            type: path
          boot_order:
            description:
              - Place in the boot order, from V(1); V(0) is none. Not beside O(items[].boot).
            type: int
            default: 0
      nics:
        description: All its network cards.
        type: list
        elements: dict
        suboptions:
          bridge:
            description: A bridge of the Cell.
            type: str
            required: true
          mac:
            description: A unicast MAC address, by which the card is known.
            type: str
            required: true
          model:
            description: The card that the guest sees.
            type: str
            choices: [virtio, e1000, e1000e, rtl8139]
            default: virtio
          backend:
            description: What kind of bridge it is.
            type: str
            choices: [linux, openvswitch]
            default: linux
          vlan:
            description:
              - Frames of this card are tagged with this VLAN, V(1) to V(4094).
              - On a Linux bridge this needs VLAN filtering on the bridge and libvirt 11.0.0;
                otherwise the item fails with code V(vlan_unsupported).
            type: int
          inbound_mib_s:
            description: Limit to the guest in MiB/s; V(0) is none.
            type: int
            default: 0
          outbound_mib_s:
            description: Limit from the guest in MiB/s; V(0) is none.
            type: int
            default: 0
          boot_order:
            description:
              - Place in the boot order, from V(1); V(0) is none. Not beside O(items[].boot).
            type: int
            default: 0
      graphics:
        description: Its screen. A new domain has none; its console is the serial line.
        type: dict
        suboptions:
          type:
            description: Whether there is one.
            type: str
            choices: [none, vnc]
            default: vnc
          listen:
            description:
              - Where VNC listens, only ever on the Cell itself. V(localhost) is 127.0.0.1 and a
                port that libvirt chooses, V(socket) a unix socket; see M(skep.kvm.domain_info).
            type: str
            choices: [localhost, socket]
            default: localhost
          video:
            description: The video card.
            type: str
            choices: [vga, virtio, qxl, cirrus]
            default: vga
      serial:
        description: The serial line, V(logged) for a new domain; see M(skep.kvm.serial_log_info).
        type: str
        choices: [logged, plain, none]
      guest_agent:
        description: Whether there is a channel for the QEMU guest agent. V(false) for a new domain.
        type: bool
      rng:
        description: Whether there is a random number generator. V(true) for a new domain.
        type: bool
      watchdog:
        description:
          - What happens when the guest stops feeding the watchdog; V(none) is no watchdog, and so
            has a new domain.
        type: str
        choices: [none, reset, poweroff, shutdown, pause, inject-nmi]
      tablet:
        description:
          - Whether there is a USB tablet, with which a screen's pointer follows the person's.
            V(false) for a new domain.
        type: bool
      tpm:
        description: Whether there is a TPM 2.0, emulated by C(swtpm). V(false) for a new domain.
        type: bool
      autostart:
        description: Whether it starts with the Cell. V(false) for a new domain.
        type: bool
      labels:
        description:
          - Names and values of your own, kept in the domain's metadata. All of them, as with a
            list.
        type: dict
      force:
        description: Power off at once rather than shut down.
        type: bool
        default: false
      timeout_s:
        description: How long to wait for a shutdown.
        type: int
        default: 60
      on_timeout:
        description:
          - What to do when the guest is not off in time; V(fail) lets it run, with code
            V(shutdown_timeout), V(force) powers it off.
        type: str
        choices: [fail, force]
        default: fail
  volume_directory:
    description: Where volumes lie.
    type: path
    default: /var/lib/skep/volumes
  image_directory:
    description: Where media images lie, as C(SHA256.iso).
    type: path
    default: /var/lib/skep/images
  serial_log_directory:
    description: Where serial consoles are logged.
    type: path
    default: /var/log/skep/serial
  disk_prefixes:
    description: Folders below which O(items[].disks[].path) may lie, and nowhere else.
    type: list
    elements: path
    default: [/dev/skep]
"""

EXAMPLES = r"""
- name: Define a domain and start it
  skep.kvm.domain:
    items:
      - uuid: 1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11
        name: web-1
        state: running
        memory_mib: 512
        vcpus: 1
        disks:
          - volume: 1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11-vda
        nics:
          - bridge: br0
            mac: 52:54:00:12:34:56

- name: Define one that can grow while it runs, with UEFI, secure boot and a TPM
  skep.kvm.domain:
    items:
      - uuid: 3c1b6e0e-93f2-4b7c-8a7b-4f6f2f1f9c22
        name: db-1
        state: present
        memory_mib: 4096
        memory_max_mib: 16384
        vcpus: 2
        vcpus_max: 8
        topology: {sockets: 1, cores: 4, threads: 2}
        firmware: uefi_secure
        tpm: true
        guest_agent: true
        watchdog: reset
        graphics: {listen: socket}
        tablet: true
        disks:
          - volume: 3c1b6e0e-93f2-4b7c-8a7b-4f6f2f1f9c22-vda
            bus: scsi
            cache: none
            iotune: {read_iops: 2000, write_iops: 1000}
          - path: /dev/skep/db-1-data
            device: sdb
            bus: scsi
        cdroms:
          - device: sdc
        labels:
          team: storage

- name: Give it more CPUs and memory while it runs, and leave all else alone
  skep.kvm.domain:
    items:
      - name: db-1
        state: running
        vcpus: 4
        memory_mib: 8192

- name: Insert a CD, without a start where the domain is off
  skep.kvm.domain:
    items:
      - name: db-1
        state: present
        cdroms:
          - device: sdc
            image: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

- name: Shut one domain down, power another off, and a third if it does not follow
  skep.kvm.domain:
    items:
      - name: web-1
        state: shutoff
        timeout_s: 120
      - uuid: 3c1b6e0e-93f2-4b7c-8a7b-4f6f2f1f9c22
        state: shutoff
        force: true
      - name: web-2
        state: shutoff
        timeout_s: 30
        on_timeout: force

- name: Delete a domain
  skep.kvm.domain:
    items:
      - uuid: 1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11
        state: absent
"""

RETURN = r"""
results:
  description: One entry for each item, in their order.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: The uuid, or the name where only that was given.
      type: str
      returned: always
    ok:
      description: Whether the domain is as wanted, or will be from its next start.
      type: bool
      returned: always
    changed:
      description: Whether something was changed.
      type: bool
      returned: always
    state:
      description: The state at the end. One of V(running), V(paused), V(shutoff), V(absent).
      type: str
      returned: when the item could be read
    changes:
      description: The fields that changed.
      type: list
      elements: dict
      returned: when the item could be decided
      contains:
        field:
          description: The field, as C(memory_mib), C(disks[vdb]) or C(disks[vda].cache).
          type: str
          returned: always
        before:
          description: What it was; null for a device that is new.
          type: raw
          returned: always
        after:
          description: What it is; null for a device that is gone.
          type: raw
          returned: always
        effect:
          description:
            - V(live) is in force, and for a domain that is off from its start.
            - V(needs_restart) is kept, and in force after O(items[].state=restarted).
            - V(needs_recreation) cannot change; the item failed with this code and nothing of it
              was done.
          type: str
          returned: always
        reason:
          description: Why libvirt or the guest refused to have it live.
          type: str
          returned: always
      sample:
        - field: vcpus
          before: 2
          after: 4
          effect: live
          reason: null
    pending:
      description: All fields in which the running domain is not as defined, from whatever change.
      type: list
      elements: str
      returned: when the item could be read
    code:
      description:
        - Why not, for programs. One of V(domain_not_found), V(name_in_use), V(volume_in_use),
          V(volume_missing), V(path_not_allowed), V(needs_recreation), V(vlan_unsupported),
          V(shutdown_timeout), V(invalid_state), V(invalid_item), V(libvirt_error),
          V(host_error), V(busy).
      type: str
      returned: always
    msg:
      description: Why not, for people.
      type: str
      returned: always
    diff:
      description: What changed, as C(before) and C(after).
      type: dict
      returned: always
"""

from ansible_collections.skep.kvm.plugins.module_utils._domain.arguments import ITEM
from ansible_collections.skep.kvm.plugins.module_utils._domain.paths import Directories
from ansible_collections.skep.kvm.plugins.module_utils._domain.resource import Domains
from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._items import ensure_all, finish
from ansible_collections.skep.kvm.plugins.module_utils._items_module import ItemsModule

ARGUMENT_SPEC = {
    "items": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": ITEM,
        "required_one_of": [("uuid", "name")],
    },
    "uri": {"type": "str", "default": "qemu:///system"},
    "volume_directory": {"type": "path", "default": "/var/lib/skep/volumes"},
    "image_directory": {"type": "path", "default": "/var/lib/skep/images"},
    "serial_log_directory": {"type": "path", "default": "/var/log/skep/serial"},
    "disk_prefixes": {"type": "list", "elements": "path", "default": ["/dev/skep"]},
}


def main() -> None:
    """Run the module."""
    module = ItemsModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    directories = Directories(
        volumes=params["volume_directory"],
        serial_logs=params["serial_log_directory"],
        images=params["image_directory"],
        disk_prefixes=tuple(params["disk_prefixes"]),
    )
    try:
        with Hypervisor.connect(params["uri"]) as host:
            domains = Domains(host, directories)
            results = ensure_all(domains, params["items"], check_mode=module.check_mode)
    except CellError as error:
        module.fail_json(msg=str(error), code=error.code, results=[])
    finish(module, "domain", module.with_rejected(results))


if __name__ == "__main__":
    main()
