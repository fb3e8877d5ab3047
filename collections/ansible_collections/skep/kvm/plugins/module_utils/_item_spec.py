# SPDX-License-Identifier: Apache-2.0
"""Checks each item against the module's argument spec by itself.

Ansible would refuse the whole call for one wrong type or unknown key; here the item alone fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, FrozenSet, List, Mapping, Sequence, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError
from ansible_collections.skep.kvm.plugins.module_utils._items import (
    Item,
    Resource,
    Result,
    ensure_all,
)

_RULES = ("required_one_of", "required_together", "required_if", "mutually_exclusive")
_BYTES = "; sizes are whole numbers of bytes, such as 10737418240"


@dataclass(eq=False)
class ItemSpecError(CellError):
    """The item has an unknown key, lacks one, or has a value of the wrong type."""

    code: ClassVar[str] = "invalid_item"
    template: ClassVar[str] = "{reason}"
    reason: str


@dataclass(frozen=True)
class Sorted:
    """The items of a call: those that their spec allows, the others by their place."""

    allowed: Sequence[Item]
    refused: Mapping[int, Tuple[Item, ItemSpecError]]
    secrets: FrozenSet[str]


class ItemModule(AnsibleModule):
    """A module with the option `items`; Ansible itself sees only the items that are allowed."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  Ansible's own
        self.refused: Mapping[int, Tuple[Item, ItemSpecError]] = {}
        super().__init__(**options)

    def _load_params(self) -> None:
        """Take the bad items out before Ansible checks the call, which would end it."""
        super()._load_params()
        given = self.params.get("items")
        if isinstance(given, list):
            found = sort_items(given, self.argument_spec["items"])
            self.refused = found.refused
            self.params["items"] = list(found.allowed)
            self.no_log_values.update(found.secrets)


def ensure_each(
    module: ItemModule, resource: Resource[Any, Any, Any], *, workers: int | None = None
) -> List[Result]:
    """Try every item of the call that its spec allows; one result for each, in their order."""
    allowed = module.params["items"]
    tried = iter(ensure_all(resource, allowed, check_mode=module.check_mode, workers=workers))
    total = len(allowed) + len(module.refused)
    return [
        _refused(resource, *module.refused[index]) if index in module.refused else next(tried)
        for index in range(total)
    ]


def sort_items(given: Sequence[Any], spec: Mapping[str, Any]) -> Sorted:
    """Return which items their spec allows, unchanged. Pure."""
    validator = ArgumentSpecValidator(
        spec["options"], **{key: spec[key] for key in _RULES if key in spec}
    )
    allowed: List[Item] = []
    refused: Dict[int, Tuple[Item, ItemSpecError]] = {}
    secrets: FrozenSet[str] = frozenset()
    nothing = dict.fromkeys(spec["options"])
    for index, item in enumerate(given):
        if not isinstance(item, dict):
            refused[index] = (nothing, ItemSpecError("an item is a dictionary"))
            continue
        result = validator.validate(item)
        if result.error_messages:
            refused[index] = ({**nothing, **item}, _error(result.error_messages))
            secrets |= result._no_log_values  # noqa: SLF001  Ansible offers no other way
        else:
            allowed.append(item)
    return Sorted(allowed, refused, secrets)


def _error(messages: Sequence[str]) -> ItemSpecError:
    reason = "; ".join(messages)
    is_size = "_bytes" in reason and "convert" in reason
    return ItemSpecError(reason + (_BYTES if is_size else ""))


def _refused(resource: Resource[Any, Any, Any], item: Item, error: ItemSpecError) -> Result:
    return {
        "id": resource.identify(item),
        "ok": False,
        "changed": False,
        "code": error.code,
        "msg": str(error),
        "diff": None,
    }
