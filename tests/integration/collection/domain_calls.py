"""Calls the module `domain` many times in one process, on the libvirt of the host it runs in.

A playbook with a task for each call says the same and takes a second for each.
Usage: domain_calls.py WISHES.json; prints the answers as JSON. A wish is {items, check_mode}.
"""

import json
import sys
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.skep.kvm.plugins.module_utils._domain.paths import Directories
from ansible_collections.skep.kvm.plugins.module_utils._domain.resource import Domains
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._items import ensure_all
from ansible_collections.skep.kvm.plugins.modules.domain import ARGUMENT_SPEC


def call(host: Hypervisor, wish: dict[str, Any]) -> list[dict[str, Any]]:
    result = ArgumentSpecValidator(ARGUMENT_SPEC).validate({"items": wish["items"]})
    if result.error_messages:
        raise SystemExit("; ".join(result.error_messages))
    items = result.validated_parameters["items"]
    return ensure_all(Domains(host, Directories()), items, check_mode=wish["check_mode"])


def main(path: Path) -> None:
    with Hypervisor.connect("qemu:///system") as host:
        answers = [call(host, wish) for wish in json.loads(path.read_text())]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
