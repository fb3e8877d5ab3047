# SPDX-License-Identifier: Apache-2.0
"""Inventory of the Cells of a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
name: cells
short_description: The Cells of a Skep cluster
version_added: 0.1.0
author:
  - The Skep engineers (@skep-project)
description:
  - Lists Cells from the API of the Core, or from the announcements that the Cells send by
    multicast, which works without a Core.
  - The configuration file's name ends in C(cells.skep.yml) or C(cells.skep.yaml).
  - Members of a pool are in the groups C(cells), C(pool_NAME) and C(cell_STATE). A Cell that was
    not accepted is only in C(cell_discovered), so that no playbook of the cluster touches it.
  - An announcement proves who holds a key, not who may. With O(source=beacon) either list the
    members in O(fingerprints), or rely on the SSH host keys that you know.
  - What Cells say is never treated as a template.
extends_documentation_fragment:
  - constructed
  - inventory_cache
requirements:
  - cryptography (for O(source=beacon))
options:
  plugin:
    description: Marks the file as meant for this plugin.
    type: str
    required: true
    choices: [skep.kvm.cells]
  source:
    description: Who is asked.
    type: str
    choices: [core, beacon]
    default: core
    env:
      - name: SKEP_INVENTORY_SOURCE
  url:
    description: The Core, for O(source=core).
    type: str
    default: https://127.0.0.1:5870
    env:
      - name: SKEP_URL
  token:
    description: API token, for O(source=core).
    type: str
    env:
      - name: SKEP_TOKEN
  ca_file:
    description: File with the certificate that the Core's comes from.
    type: path
    env:
      - name: SKEP_CA_FILE
  validate_certs:
    description: Whether the Core must prove who it is. V(false) sends the token to anyone.
    type: bool
    default: true
  listen_s:
    description: How long to listen, for O(source=beacon).
    type: float
    default: 5
    env:
      - name: SKEP_LISTEN_S
  domain:
    description: Name of the communicate domain.
    type: str
    default: nano
    env:
      - name: SKEP_DOMAIN
  group:
    description: Multicast group of the communicate domain.
    type: str
    default: 224.0.0.226
    env:
      - name: SKEP_GROUP
  port:
    description: Port of the communicate domain.
    type: int
    default: 5599
    env:
      - name: SKEP_PORT
  interface:
    description: Name of the interface to listen on. All if not given.
    type: str
    env:
      - name: SKEP_INTERFACE
  fingerprints:
    description:
      - The keys of the members, as C(skep cell list) shows them, for O(source=beacon).
      - Every Cell that says it is in a pool counts as a member if not given.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
# From the Core, with SKEP_URL and SKEP_TOKEN in the environment:
plugin: skep.kvm.cells
---
# Straight from the Cells, with a group for those that can run KVM guests:
plugin: skep.kvm.cells
source: beacon
listen_s: 3
fingerprints:
  - SHA256:ZdgHBnzpGEpzNKQjN8n3CRmLrKK0i9NIlnuYs2r2zHI
groups:
  has_kvm: skep_kvm == 'usable'
keyed_groups:
  - key: skep_versions.libvirt
    prefix: libvirt
"""

import json
import re
import time
from typing import Any

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.module_utils.urls import open_url
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.skep.kvm.plugins.module_utils._cells import (
    CellRecord,
    from_announcements,
    from_core,
)

PAGE = 500
PAGES_MAX = 200


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Inventory plugin skep.kvm.cells."""

    NAME = "skep.kvm.cells"

    def verify_file(self, path: str) -> bool:
        """Whether the file is meant for this plugin."""
        suffixes = ("cells.skep.yml", "cells.skep.yaml")
        return bool(super().verify_file(path)) and path.endswith(suffixes)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:  # noqa: ANN401, FBT001, FBT002  the base class's signature
        """Fill the inventory."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        for cell in self._cells(path, use_cache=cache):
            self._add(cell)

    def _cells(self, path: str, *, use_cache: bool) -> list[CellRecord]:
        """From the cache where that is on and fresh, else from the source."""
        self.load_cache_plugin()
        key = self.get_cache_key(path)
        wants_cache = bool(self.get_option("cache"))
        if wants_cache and use_cache and key in self._cache:
            return [CellRecord(**each) for each in self._cache[key]]
        found = self._ask()
        if wants_cache:
            self._cache[key] = [vars(each) for each in found]
        return found

    def _ask(self) -> list[CellRecord]:
        if self.get_option("source") == "core":
            return from_core(self._pages())
        return self._hear()

    def _pages(self) -> list[Any]:
        """Everything that the Core lists, page by page."""
        items: list[Any] = []
        cursor = ""
        for _ in range(PAGES_MAX):
            page = self._get(f"/api/v1/cells?limit={PAGE}{cursor}")
            items += page.get("items") or []
            following = page.get("next")
            if not following:
                return items
            cursor = f"&cursor={re.sub('[^A-Za-z0-9_=-]', '', str(following))}"
        raise AnsibleParserError(f"the Core lists more than {PAGE * PAGES_MAX} Cells")

    def _get(self, path: str) -> dict[str, Any]:
        url = str(self.get_option("url")).rstrip("/") + path
        token = self.get_option("token")
        if not token:
            raise AnsibleParserError(f"{url} needs a token; set SKEP_TOKEN, or source: beacon")
        try:
            answer = open_url(
                url,
                headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
                ca_path=self.get_option("ca_file"),
                validate_certs=self.get_option("validate_certs"),
                follow_redirects="none",
                timeout=30,
            )
            found = json.loads(answer.read())
        except (OSError, ValueError, AnsibleError) as error:
            raise AnsibleParserError(f"{url}: {error}") from error
        if not isinstance(found, dict):
            raise AnsibleParserError(f"{url}: the answer is no JSON object")
        return found

    def _hear(self) -> list[CellRecord]:
        # Only here: the Core's way needs no cryptography.
        from ansible_collections.skep.kvm.plugins.module_utils import _beacons  # noqa: PLC0415

        found = _beacons.listen(
            _beacons.Station(
                domain=self.get_option("domain"),
                group=self.get_option("group"),
                port=self.get_option("port"),
                interface=self.get_option("interface"),
            ),
            seconds=self.get_option("listen_s"),
            clock=time.time,
        )
        cells, dropped = from_announcements(found, self.get_option("fingerprints"))
        for reason in dropped:
            self.display.warning(reason)
        return cells

    def _add(self, cell: CellRecord) -> None:
        self.inventory.add_host(cell.name)
        for group in cell.groups:
            self.inventory.add_group(group)
            self.inventory.add_child(group, cell.name)
        for name, value in cell.variables.items():
            self.inventory.set_variable(cell.name, name, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), cell.variables, cell.name, strict)
        self._add_host_to_composed_groups(
            self.get_option("groups"), cell.variables, cell.name, strict
        )
        self._add_host_to_keyed_groups(
            self.get_option("keyed_groups"), cell.variables, cell.name, strict
        )
