# SPDX-License-Identifier: Apache-2.0
"""Things that are only read, as items: each has a result of its own, and nothing is planned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, ClassVar, Dict, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._items import Item, Plan


@dataclass(frozen=True)
class Reading:
    """A question about each item; `ask` returns the facts of one or raises CellError."""

    noun: ClassVar[str] = "reading"
    name: Callable[[Item], str]
    ask: Callable[[Item], Mapping[str, Any]]
    answers: Dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def identify(self, item: Item) -> str:
        """Return the item's name."""
        return self.name(item)

    def resolve(self, item: Item) -> Item:
        """Return the item."""
        return item

    def lock_id(self, spec: Item) -> str:
        """The name, to be told in errors."""
        return self.name(spec)

    def read(self, spec: Item) -> None:
        """Ask, and raise where the question has no answer."""
        self.answers[self.name(spec)] = self.ask(spec)

    def plan(self, spec: Item, current: None) -> Plan:
        """Nothing is to be done."""
        del spec, current
        return Plan()

    def apply(self, spec: Item, plan: Plan) -> None:
        """Nothing is ever done."""

    def observe(self, spec: Item) -> Mapping[str, Any]:
        """Return the answer."""
        return self.answers.get(self.name(spec), {})
