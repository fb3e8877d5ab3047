import pytest

from ansible_collections.skep.kvm.plugins.module_utils._domain.plan import (
    CurrentDomain,
    Step,
    plan,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.spec import Definition, DomainSpec
from ansible_collections.skep.kvm.plugins.module_utils._domain.xml import render, to_text
from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    DomainNotFoundError,
    DomainStateError,
    NameInUseError,
)

UUID = "1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11"
OTHER = "3c1b6e0e-93f2-4b7c-8a7b-4f6f2f1f9c22"
DEFINITION = Definition("qemu", 512, 1, (), (), "/log/x.log")


def spec(state, name="web-1", definition=None, **options):
    return DomainSpec(UUID, name, state, definition, **options)


def current(state, name="web-1", **facts):
    return CurrentDomain(
        state=state, name=name, xml=to_text(render(UUID, name, DEFINITION)), **facts
    )


POWER = [
    ("running", "running", False, ()),
    ("running", "paused", False, (Step.RESUME,)),
    ("running", "shutoff", False, (Step.START,)),
    ("shutoff", "shutoff", False, ()),
    ("shutoff", "running", False, (Step.SHUT_DOWN,)),
    ("shutoff", "paused", False, (Step.RESUME, Step.SHUT_DOWN)),
    ("shutoff", "running", True, (Step.DESTROY,)),
    ("shutoff", "paused", True, (Step.DESTROY,)),
    ("restarted", "shutoff", False, (Step.START,)),
    ("restarted", "running", False, (Step.SHUT_DOWN, Step.START)),
    ("restarted", "running", True, (Step.DESTROY, Step.START)),
    ("absent", "shutoff", False, (Step.UNDEFINE,)),
    ("absent", "running", False, (Step.DESTROY, Step.UNDEFINE)),
    ("absent", "paused", False, (Step.DESTROY, Step.UNDEFINE)),
]


@pytest.mark.parametrize(("wanted", "found", "force", "steps"), POWER)
def test_power_operation_takes_the_steps(wanted, found, force, steps):
    assert plan(spec(wanted, force=force), current(found)).steps == steps


@pytest.mark.parametrize("wanted", ["running", "shutoff", "restarted"])
def test_power_operation_on_nothing_is_domain_not_found(wanted):
    with pytest.raises(DomainNotFoundError):
        plan(spec(wanted), CurrentDomain())


def test_absent_of_nothing_changes_nothing():
    assert plan(spec("absent"), CurrentDomain()).steps == ()


def test_absent_removes_a_log_that_was_left():
    assert plan(spec("absent"), CurrentDomain(has_log=True)).steps == (Step.REMOVE_LOG,)


@pytest.mark.parametrize(
    ("wanted", "steps", "state"),
    [
        ("present", (Step.DEFINE,), "shutoff"),
        ("running", (Step.DEFINE, Step.START), "running"),
        ("shutoff", (Step.DEFINE,), "shutoff"),
    ],
)
def test_new_domain_is_defined_before_it_is_started(wanted, steps, state):
    found = plan(spec(wanted, definition=DEFINITION), CurrentDomain())

    assert found.steps == steps
    assert found.before == {"state": "absent"}
    assert found.after["state"] == state
    assert found.after["memory_mib"] == 512


def test_same_definition_running_changes_nothing():
    found = plan(spec("running", definition=DEFINITION), current("running"))

    assert found.steps == ()


def test_changed_definition_of_a_running_domain_is_defined_and_not_restarted():
    bigger = Definition("qemu", 1024, 1, (), (), "/log/x.log")

    found = plan(spec("running", definition=bigger), current("running"))

    assert found.steps == (Step.DEFINE,)
    assert found.before == {"state": "running", "memory": "524288", "currentMemory": "524288"}


def test_rename_of_a_stopped_domain_comes_before_its_definition():
    found = plan(spec("present", "web-2", DEFINITION), current("shutoff"))

    assert found.steps == (Step.RENAME, Step.DEFINE)


def test_rename_of_a_running_domain_is_refused():
    with pytest.raises(DomainStateError, match="shut off"):
        plan(spec("running", "web-2", DEFINITION), current("running"))


def test_name_of_another_uuid_is_refused():
    with pytest.raises(NameInUseError, match=OTHER):
        plan(spec("running", definition=DEFINITION), CurrentDomain(name_owner=OTHER))


@pytest.mark.parametrize("wanted", ["running", "shutoff"])
def test_domain_held_by_a_migration_is_not_resumed(wanted):
    with pytest.raises(DomainStateError, match="twice"):
        plan(spec(wanted), current("paused", is_migrating=True))
