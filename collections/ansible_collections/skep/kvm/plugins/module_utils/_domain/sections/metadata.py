# SPDX-License-Identifier: Apache-2.0
"""The mark of an instance and its labels, in <metadata>. Pure."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any, Mapping, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import (
    add,
    child_of,
    remove_all,
)
from ansible_collections.skep.kvm.plugins.module_utils._errors import InvalidItemError

NAMESPACE = "urn:skep:kvm:instance:1"
PREFIX = "skep"
Labels = Tuple[Tuple[str, str], ...]

_MARK = f"{{{NAMESPACE}}}instance"
_LABEL = f"{{{NAMESPACE}}}label"
_KEY = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_./-]{0,61}[A-Za-z0-9])?")
_VALUE_MAX = 255

ET.register_namespace(PREFIX, NAMESPACE)


def parse(labels: Mapping[str, Any]) -> Labels:
    """Return the checked labels, in the order of their keys."""
    for key, value in labels.items():
        if not isinstance(key, str) or _KEY.fullmatch(key) is None:
            rule = "1 to 63 of A-Z a-z 0-9 _ . / -, a letter or digit at either end"
            raise InvalidItemError("label", key, rule)
        if not isinstance(value, str) or len(value) > _VALUE_MAX or not value.isprintable():
            raise InvalidItemError(
                f"label {key}", value, f"up to {_VALUE_MAX} printable characters"
            )
    return tuple(sorted(labels.items()))


def render(uuid: str, labels: Labels) -> ET.Element:
    """Return the mark by which a Cell's domain is known as an instance of the cluster."""
    mark = ET.Element(_MARK, {"id": uuid})
    for name, value in labels:
        add(mark, _LABEL, {"name": name}, value)
    return mark


def render_bare(uuid: str, labels: Labels) -> ET.Element:
    """Return the mark for libvirt's call that sets it, which adds the namespace itself."""
    mark = render(uuid, labels)
    for element in mark.iter():
        element.tag = element.tag.rpartition("}")[2]
    return mark


def write(domain: ET.Element, uuid: str, labels: Labels) -> None:
    """Set mark and labels; metadata of others stays."""
    metadata = child_of(domain, "metadata")
    remove_all(metadata, _MARK)
    metadata.append(render(uuid, labels))


def read(domain: ET.Element) -> Labels:
    """Return the labels."""
    found = domain.iterfind(f"metadata/{_MARK}/{_LABEL}")
    return tuple(sorted((each.get("name", ""), each.text or "") for each in found))


def is_marked(domain: ET.Element) -> bool:
    """Whether the domain is an instance of a cluster."""
    return domain.find(f"metadata/{_MARK}") is not None
