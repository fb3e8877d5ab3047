# SPDX-License-Identifier: Apache-2.0
"""CPUs: how many, of which model, in which topology, with which share of the Cell. Pure."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any, Mapping, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import (
    add,
    attribute,
    child_of,
    number,
    overlay,
    put,
    remove_all,
)
from ansible_collections.skep.kvm.plugins.module_utils._errors import InvalidItemError

_OWNED = frozenset({"mode", "match", "check", "model", "vendor", "topology", "feature", "fallback"})
_WORD = re.compile(r"[A-Za-z0-9_.+-]{1,64}")
_PERIOD_US = 100_000
_BASELINE_MAX = 65536


@dataclass(frozen=True)
class Topology:
    """The product is the maximum number of CPUs."""

    sockets: int = 1
    cores: int = 1
    threads: int = 1


@dataclass(frozen=True)
class Cpu:
    """A model by name (`custom`), or the Cell's own; features as pairs of name and policy."""

    mode: str
    model: str = ""
    vendor: str = ""
    features: Tuple[Tuple[str, str], ...] = ()


def parse_topology(item: Mapping[str, Any]) -> Topology:
    """Return the checked topology."""
    for name, value in item.items():
        if value < 1:
            raise InvalidItemError(name, value, "at least 1")
    return Topology(**item)


def parse_cpu(item: Mapping[str, Any]) -> Cpu:
    """Return the checked model; a baseline is what libvirt computed for a pool."""
    if item["baseline"]:
        if any(value for name, value in item.items() if name != "baseline"):
            raise InvalidItemError("baseline", "...", "not beside the other options of cpu")
        return _parse_baseline(item["baseline"])
    mode = item["mode"] or ("custom" if item["model"] else "host-model")
    if (mode == "custom") != bool(item["model"]) or (item["vendor"] and mode != "custom"):
        raise InvalidItemError("model", item["model"], "needed for mode custom, and only there")
    features = tuple(sorted((each["name"], each["policy"]) for each in item["features"] or []))
    return _checked(Cpu(mode, item["model"] or "", item["vendor"] or "", features))


def check_word(field: str, word: str) -> str:
    """Return a name that QEMU or libvirt chose, or raise InvalidItemError."""
    if _WORD.fullmatch(word) is None:
        raise InvalidItemError(field, word, "1 to 64 of A-Z a-z 0-9 _ . + -")
    return word


def write_count(domain: ET.Element, now: int, most: int) -> None:
    """Set the CPUs that are there at the start and those that can come."""
    remove_all(domain, "vcpus")  # which of them are on, after a change that virsh made
    element = ET.Element("vcpu", {} if now == most else {"current": str(now)})
    element.text = str(most)
    old = domain.find("vcpu")
    put(domain, element if old is None else overlay(old, element, frozenset({"current"})))


def read_now(domain: ET.Element) -> int:
    """Return how many are there."""
    return int(attribute(domain, "vcpu", "current", "0")) or read_most(domain)


def read_most(domain: ET.Element) -> int:
    """Return how many can be there."""
    return number(domain, "vcpu") or 1


def write_model(domain: ET.Element, cpu: Cpu | None, topology: Topology | None) -> None:
    """Set model and topology; NUMA cells and caches of others stay."""
    element = ET.Element("cpu", {"mode": cpu.mode} if cpu else {})
    if cpu is not None:
        _write_named(element, cpu)
    if topology is not None:
        add(element, "topology", {name: str(value) for name, value in vars(topology).items()})
    for name, policy in cpu.features if cpu else ():
        add(element, "feature", {"policy": policy, "name": name})
    old = domain.find("cpu")
    if old is not None:
        put(domain, overlay(old, element, _OWNED))
    elif element.attrib or len(element):
        domain.append(element)


def read_cpu(domain: ET.Element) -> Cpu | None:
    """Return the model, None where libvirt's default is."""
    element = domain.find("cpu")
    if element is None or not element.get("mode"):
        return None
    return _read(element)


def read_topology(domain: ET.Element) -> Topology | None:
    """Return the topology, None where nothing is said."""
    element = domain.find("cpu/topology")
    if element is None:
        return None
    return Topology(*(int(element.get(each, "1")) for each in ("sockets", "cores", "threads")))


def write_tuning(domain: ET.Element, shares: int, quota_percent: int) -> None:
    """Set weight and limit; the limit is a share of one host CPU for each virtual one."""
    tune = child_of(domain, "cputune")
    for tag in ("shares", "period", "quota"):
        remove_all(tune, tag)
    if shares:
        add(tune, "shares", text=str(shares))
    if quota_percent:
        add(tune, "period", text=str(_PERIOD_US))
        add(tune, "quota", text=str(quota_us(quota_percent)))
    if len(tune) == 0:
        domain.remove(tune)


def read_shares(domain: ET.Element) -> int:
    """Return the weight, 0 where nothing is said."""
    return number(domain, "cputune/shares")


def read_quota(domain: ET.Element) -> int:
    """Return the limit in percent, 0 where there is none."""
    quota = number(domain, "cputune/quota")
    return max(quota, 0) * 100 // (number(domain, "cputune/period") or _PERIOD_US)


def scheduling(shares: int, quota_percent: int) -> Mapping[str, int]:
    """Return weight and limit by libvirt's names, for a running domain; 0 is left as it is."""
    values = {"vcpu_period": _PERIOD_US, "vcpu_quota": quota_us(quota_percent)}
    return {**values, "cpu_shares": shares} if shares else values


def quota_us(percent: int) -> int:
    """Return the part of a period that a virtual CPU may run; -1 is all of it."""
    return percent * _PERIOD_US // 100 if percent else -1


def _write_named(element: ET.Element, cpu: Cpu) -> None:
    if cpu.mode != "custom":
        return
    element.set("match", "exact")
    add(element, "model", {"fallback": "forbid"}, cpu.model)
    if cpu.vendor:
        add(element, "vendor", text=cpu.vendor)


def _read(element: ET.Element) -> Cpu:
    features = tuple(
        sorted(
            (each.get("name", ""), each.get("policy", "require"))
            for each in element.findall("feature")
        )
    )
    model, vendor = element.findtext("model") or "", element.findtext("vendor") or ""
    return Cpu(element.get("mode", "custom"), model.strip(), vendor.strip(), features)


def _parse_baseline(text: str) -> Cpu:
    """Read <cpu> as `virsh hypervisor-cpu-baseline` prints it."""
    # A document type could name files and entities; a baseline has none.
    if len(text) > _BASELINE_MAX or "<!" in text:
        raise InvalidItemError("baseline", "...", "a <cpu> element without document type, 64 KiB")
    try:
        element = ET.fromstring(text)  # noqa: S314  without document type nothing is expanded
    except ET.ParseError as error:
        raise InvalidItemError("baseline", "...", f"XML ({error})") from error
    if element.tag != "cpu" or not (element.findtext("model") or "").strip():
        raise InvalidItemError("baseline", "...", "a <cpu> element with a <model>")
    found = _read(element)
    return _checked(Cpu("custom", found.model, found.vendor, found.features))


def _checked(cpu: Cpu) -> Cpu:
    words = [each for pair in cpu.features for each in pair]
    for word in (*(each for each in (cpu.model, cpu.vendor) if each), *words):
        check_word("cpu", word)
    if len({name for name, _ in cpu.features}) < len(cpu.features):
        raise InvalidItemError("features", [name for name, _ in cpu.features], "each name once")
    return cpu
