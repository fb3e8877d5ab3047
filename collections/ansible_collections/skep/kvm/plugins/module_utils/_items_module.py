# SPDX-License-Identifier: Apache-2.0
"""An AnsibleModule whose items fail alone: an unknown key in one never stops its neighbours."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.skep.kvm.plugins.module_utils._errors import InvalidItemError
from ansible_collections.skep.kvm.plugins.module_utils._items import Result


class ItemsModule(AnsibleModule):  # type: ignore[misc]  # ansible has no types
    """Takes `items`, and keeps back those that break the argument spec."""

    params: Dict[str, Any]

    def __init__(self, argument_spec: Mapping[str, Any], **options: bool) -> None:
        self._item_spec = {"items": argument_spec["items"]}
        self._rejected: Dict[int, Result] = {}
        super().__init__(argument_spec=argument_spec, **options)

    def with_rejected(self, results: Sequence[Result]) -> List[Result]:
        """Return the results of all items, in their order."""
        rest = iter(results)
        total = len(results) + len(self._rejected)
        return [self._rejected.get(index) or next(rest) for index in range(total)]

    def _load_params(self) -> None:
        super()._load_params()
        items = self.params.get("items")
        if not isinstance(items, list):
            return  # the argument spec says what is wrong
        for index, item in enumerate(items):
            errors = self._errors_of(item)
            if errors:
                self._rejected[index] = _rejection(index, item, errors)
        kept = [each for index, each in enumerate(items) if index not in self._rejected]
        self.params = {**self.params, "items": kept}

    def _errors_of(self, item: object) -> List[str]:
        result = ArgumentSpecValidator(self._item_spec).validate({"items": [item]})
        return list(result.error_messages)


def _rejection(index: int, item: object, errors: Sequence[str]) -> Result:
    known = item if isinstance(item, dict) else {}
    identity = known.get("uuid") or known.get("name") or f"item {index}"
    return {
        "id": str(identity),
        "ok": False,
        "changed": False,
        "code": InvalidItemError.code,
        "msg": f"{identity}: {'; '.join(errors)}",
        "diff": None,
    }
