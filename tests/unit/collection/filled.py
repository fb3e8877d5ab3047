"""Items as a module sees them: defaults filled in by its own argument spec."""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator


def filled(argument_spec: Mapping[str, Any], **item: Any) -> dict[str, Any]:
    result = ArgumentSpecValidator(argument_spec).validate({"items": [item]})
    assert result.error_messages == []
    (only,) = result.validated_parameters["items"]
    return only
