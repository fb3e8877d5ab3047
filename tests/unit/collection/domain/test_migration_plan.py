import itertools

import pytest

from ansible_collections.skep.kvm.plugins.module_utils._domain.migration_plan import (
    Sides,
    Step,
    judge,
    judge_definition,
    plan,
)
from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    CellError,
    DomainNotFoundError,
    DomainStateError,
    MigrationError,
    MigrationTimeoutError,
    MigrationUnverifiedError,
    OfflineMigrationError,
)

STATES = ("running", "paused", "shutoff", "absent")
SIDES = [Sides(*pair, held=held) for pair in itertools.product(STATES, STATES) for held in (0, 1)]


@pytest.mark.parametrize("source", ["running", "paused"])
@pytest.mark.parametrize("target", ["shutoff", "absent"])
def test_domain_that_runs_here_migrates_and_then_the_source_is_cleaned(source, target):
    assert plan("web-1", "c2", Sides(source, target)).steps == (Step.MIGRATE, Step.CLEAN_SOURCE)


def test_domain_that_arrived_and_left_nothing_changes_nothing():
    assert plan("web-1", "c2", Sides("absent", "running")).steps == ()


@pytest.mark.parametrize(
    "sides", [Sides("shutoff", "running"), Sides("absent", "running", has_leftovers=True)]
)
def test_what_a_killed_run_left_on_the_source_is_cleaned(sides):
    assert plan("web-1", "c2", sides).steps == (Step.CLEAN_SOURCE,)


def test_domain_on_neither_side_is_not_found():
    with pytest.raises(DomainNotFoundError):
        plan("web-1", "c2", Sides("absent", "absent"))


def test_stopped_domain_does_not_migrate_live():
    with pytest.raises(DomainStateError, match="only a running domain"):
        plan("web-1", "c2", Sides("shutoff", "absent"))


def test_domain_on_both_sides_is_left_alone():
    with pytest.raises(MigrationUnverifiedError):
        plan("web-1", "c2", Sides("running", "running"))


@pytest.mark.parametrize("reason", [None, "connection lost"])
def test_target_alone_is_a_success_whatever_libvirt_answered(reason):
    judge("web-1", "c2", Sides("absent", "running"), reason=reason, expired=False)


@pytest.mark.parametrize(
    ("expired", "kind"), [(False, MigrationError), (True, MigrationTimeoutError)]
)
def test_source_alone_is_a_failure_that_says_where_it_runs(expired, kind):
    with pytest.raises(kind, match="still runs here") as caught:
        judge("web-1", "c2", Sides("running", "absent"), reason="no", expired=expired)
    assert type(caught.value) is kind


@pytest.mark.parametrize("sides", SIDES)
def test_source_is_cleaned_only_where_the_target_alone_runs_it(sides):
    proven = sides.target in {"running", "paused"} and not sides.held
    alone = sides.source in {"shutoff", "absent"}
    try:
        steps = plan("web-1", "c2", sides).steps
    except CellError:
        steps = ()
    try:
        judge("web-1", "c2", sides, reason=None, expired=False)
        accepted = True
    except CellError:
        accepted = False

    assert accepted == (proven and alone)
    assert (steps == (Step.CLEAN_SOURCE,)) <= (proven and alone)


@pytest.mark.parametrize("target", ["absent", "shutoff"])
def test_domain_that_is_off_moves_its_definition_where_asked(target):
    found = plan("web-1", "c2", Sides("shutoff", target), offline=True)

    assert found.steps == (Step.MOVE_DEFINITION, Step.CLEAN_SOURCE)


def test_domain_that_runs_migrates_live_whether_offline_is_allowed_or_not():
    found = plan("web-1", "c2", Sides("running", "absent"), offline=True)

    assert found.steps == (Step.MIGRATE, Step.CLEAN_SOURCE)


def test_definition_that_arrived_changes_nothing():
    assert plan("web-1", "c2", Sides("absent", "shutoff"), offline=True).steps == ()


def test_definition_is_on_the_target_alone_or_the_move_failed():
    judge_definition("web-1", "c2", Sides("absent", "shutoff"), reason="connection lost")

    with pytest.raises(OfflineMigrationError, match="still defined here"):
        judge_definition("web-1", "c2", Sides("shutoff", "absent"), reason="no")
    with pytest.raises(OfflineMigrationError, match="still defined here"):
        judge_definition("web-1", "c2", Sides("shutoff", "shutoff"), reason=None)
    with pytest.raises(MigrationUnverifiedError):
        judge_definition("web-1", "c2", Sides("running", "shutoff"), reason=None)
