# SPDX-License-Identifier: Apache-2.0
"""Checks each item against the module's argument spec by itself.

Ansible would refuse the whole call for one wrong type or unknown key; here the item alone fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Mapping

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
_INSIDE = ("options", *_RULES)
_BYTES = "; sizes are whole numbers of bytes, such as 10737418240"


@dataclass(eq=False)
class ItemSpecError(CellError):
    """The item has an unknown key, lacks one, or has a value of the wrong type."""

    code: ClassVar[str] = "invalid_item"
    template: ClassVar[str] = "{reason}"
    reason: str


def lenient_module(argument_spec: Mapping[str, Any]) -> AnsibleModule:
    """Return the module with its options checked, all but the insides of the items.

    What it was called with is not logged on the Cell: items may hold secrets.
    """
    items = {key: value for key, value in argument_spec["items"].items() if key not in _INSIDE}
    spec = {**argument_spec, "items": items}
    return AnsibleModule(argument_spec=spec, supports_check_mode=True, no_log=True)


def ensure_each(
    module: AnsibleModule,
    resource: Resource[Any, Any, Any],
    argument_spec: Mapping[str, Any],
    *,
    workers: int | None = None,
) -> List[Result]:
    """Try every item of the call that its spec allows; one result for each, in their order."""
    given, spec = module.params["items"], argument_spec["items"]
    checked = [_checked(module, each, spec) for each in given]
    allowed = [each for each in checked if not isinstance(each, CellError)]
    results = iter(ensure_all(resource, allowed, check_mode=module.check_mode, workers=workers))
    return [
        _refused(resource, given[index], spec, each)
        if isinstance(each, CellError)
        else next(results)
        for index, each in enumerate(checked)
    ]


def _checked(module: AnsibleModule, item: Item, spec: Mapping[str, Any]) -> Item | CellError:
    rules = {key: spec[key] for key in _RULES if key in spec}
    result = ArgumentSpecValidator(spec["options"], **rules).validate(dict(item))
    module.no_log_values.update(result._no_log_values)  # noqa: SLF001  Ansible offers no other way
    if not result.error_messages:
        checked: Dict[str, Any] = result.validated_parameters
        return checked
    reason = "; ".join(result.error_messages)
    return ItemSpecError(reason + (_BYTES if "_bytes" in reason and "convert" in reason else ""))


def _refused(
    resource: Resource[Any, Any, Any], item: Item, spec: Mapping[str, Any], error: CellError
) -> Result:
    nothing = dict.fromkeys(spec["options"])
    return {
        "id": resource.identify({**nothing, **item}),
        "ok": False,
        "changed": False,
        "code": error.code,
        "msg": str(error),
        "diff": None,
    }
