"""Every module's examples are valid calls of it, and its documentation is its argument spec."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.skep.kvm.plugins.doc_fragments import attributes, libvirt
from ansible_collections.skep.kvm.plugins.inventory import cells

COLLECTION = Path(__file__).parents[3] / "collections/ansible_collections/skep/kvm"
MODULES = sorted(path.stem for path in (COLLECTION / "plugins/modules").glob("*.py"))
FRAGMENTS = {
    "skep.kvm.attributes": attributes.ModuleDocFragment.DOCUMENTATION,
    "skep.kvm.attributes.info": attributes.ModuleDocFragment.INFO,
    "skep.kvm.libvirt": libvirt.ModuleDocFragment.DOCUMENTATION,
}


def load(name):
    return importlib.import_module(f"ansible_collections.skep.kvm.plugins.modules.{name}")


def documented_options(documentation):
    options = dict(documentation.get("options", {}))
    for fragment in documentation["extends_documentation_fragment"]:
        options |= yaml.safe_load(FRAGMENTS[fragment]).get("options", {})
    return options


def as_documented(options: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {
            "type": option["type"],
            "elements": option.get("elements"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "choices": option.get("choices"),
            "options": as_documented(option.get("suboptions", {})),
        }
        for name, option in options.items()
    }


def as_specified(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {
            "type": option["type"],
            "elements": option.get("elements"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "choices": option.get("choices"),
            "options": as_specified(option.get("options", {})),
        }
        for name, option in spec.items()
    }


@pytest.mark.parametrize("name", MODULES)
def test_documentation_is_the_argument_spec(name):
    module = load(name)
    documentation = yaml.safe_load(module.DOCUMENTATION)

    assert documentation["module"] == name
    found = as_documented(documented_options(documentation))
    assert found == as_specified(module.ARGUMENT_SPEC)


@pytest.mark.parametrize("name", MODULES)
def test_every_example_is_a_valid_call(name):
    module = load(name)
    tasks = yaml.safe_load(module.EXAMPLES)

    assert tasks
    for task in tasks:
        arguments = task[f"skep.kvm.{name}"] or {}
        result = ArgumentSpecValidator(module.ARGUMENT_SPEC).validate(arguments)
        assert result.error_messages == [], task["name"]


@pytest.mark.parametrize("name", MODULES)
def test_returned_values_are_documented(name):
    assert yaml.safe_load(load(name).RETURN)


def test_every_example_of_the_inventory_uses_options_that_exist():
    options = yaml.safe_load(cells.DOCUMENTATION)["options"]
    constructed = {"compose", "groups", "keyed_groups", "strict", "cache"}

    for example in yaml.safe_load_all(cells.EXAMPLES):
        assert set(example) <= set(options) | constructed
        assert example["plugin"] == "skep.kvm.cells"


def test_action_groups_name_every_module_and_those_with_a_uri():
    groups = yaml.safe_load((COLLECTION / "meta/runtime.yml").read_text())["action_groups"]

    assert groups["kvm"] == MODULES
    assert groups["libvirt"] == [each for each in MODULES if "uri" in load(each).ARGUMENT_SPEC]
