import pytest
from tests.unit.collection.domain.cases import CASES, NIC, UUID, VDA, VDB, created, item, parsed

from ansible_collections.skep.kvm.plugins.module_utils._domain import xml
from ansible_collections.skep.kvm.plugins.module_utils._domain.hotplug import Adjustment, Order
from ansible_collections.skep.kvm.plugins.module_utils._domain.plan import Step, plan
from ansible_collections.skep.kvm.plugins.module_utils._domain.redefinition import CurrentDomain
from ansible_collections.skep.kvm.plugins.module_utils._domain.spec import DomainSpec
from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    DomainNotFoundError,
    DomainStateError,
    InvalidItemError,
    NameInUseError,
    NeedsRecreationError,
    VlanUnsupportedError,
    VolumeInUseError,
)

OTHER = "3c1b6e0e-93f2-4b7c-8a7b-4f6f2f1f9c22"
BARE = xml.to_text(xml.render(UUID, created("room-to-grow")))


def power(state, **options):
    return DomainSpec(UUID, "web-1", state, **options)


def current(state, text=BARE, running=None, **facts):
    """A domain as libvirt keeps it; what runs is the same unless said otherwise."""
    up = state in {"running", "paused"}
    return CurrentDomain(
        state=state,
        name="web-1",
        xml=text,
        running_xml=(running or text) if up else "",
        **facts,
    )


def wish(**options):
    return parsed({"uuid": UUID, "state": "present", **options})


def text_of(case, **options):
    return xml.to_text(xml.render(UUID, created(case, **options)))


def effects(found):
    return {each.path: each.effect.value for each in found.changes}


def orders(found):
    return [each.order for each in found.steps if isinstance(each, Adjustment)]


POWER = [
    ("running", "running", False, ()),
    ("running", "paused", False, (Step.RESUME,)),
    ("running", "shutoff", False, (Step.START,)),
    ("resumed", "running", False, ()),
    ("resumed", "paused", False, (Step.RESUME,)),
    ("paused", "running", False, (Step.PAUSE,)),
    ("paused", "paused", False, ()),
    ("paused", "shutoff", False, (Step.START_PAUSED,)),
    ("reset", "running", False, (Step.RESET,)),
    ("reset", "paused", False, (Step.RESET,)),
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
    assert plan(power(wanted, force=force), current(found)).steps == steps


@pytest.mark.parametrize("wanted", ["running", "shutoff", "restarted", "reset", "paused"])
def test_power_operation_on_nothing_is_domain_not_found(wanted):
    with pytest.raises(DomainNotFoundError):
        plan(power(wanted), CurrentDomain())


@pytest.mark.parametrize("wanted", ["resumed", "reset"])
def test_domain_that_is_off_is_neither_resumed_nor_reset(wanted):
    with pytest.raises(DomainStateError, match="use state running"):
        plan(power(wanted), current("shutoff"))


@pytest.mark.parametrize("wanted", ["running", "shutoff", "resumed", "reset"])
def test_domain_held_by_a_migration_is_not_resumed(wanted):
    with pytest.raises(DomainStateError, match="twice"):
        plan(power(wanted), current("paused", is_migrating=True))


def test_absent_of_nothing_changes_nothing():
    assert plan(power("absent"), CurrentDomain()).steps == ()


def test_absent_removes_a_log_that_was_left():
    assert plan(power("absent"), CurrentDomain(has_log=True)).steps == (Step.REMOVE_LOG,)


@pytest.mark.parametrize(
    ("wanted", "steps", "state"),
    [
        ("present", (Step.DEFINE,), "shutoff"),
        ("running", (Step.DEFINE, Step.START), "running"),
        ("shutoff", (Step.DEFINE,), "shutoff"),
        ("paused", (Step.DEFINE, Step.START_PAUSED), "paused"),
    ],
)
def test_new_domain_is_defined_before_it_is_started(wanted, steps, state):
    found = plan(parsed(item("qemu", state=wanted)), CurrentDomain())

    assert found.steps == steps
    assert found.before == {"state": "absent"}
    assert found.after["state"] == state
    assert found.after["memory_mib"] == 512


def test_part_of_a_definition_makes_no_new_domain():
    with pytest.raises(InvalidItemError, match="needed to define"):
        plan(wish(vcpus=2), CurrentDomain())


@pytest.mark.parametrize("state", ["running", "shutoff"])
def test_same_definition_changes_nothing(state):
    found = plan(parsed(item("room-to-grow", state=state)), current(state))

    assert found.steps == ()


def test_change_of_a_domain_that_is_off_waits_for_nothing():
    found = plan(wish(vcpus_max=16, topology={"sockets": 16}), current("shutoff"))

    assert found.steps == (Step.DEFINE,)
    assert effects(found) == {"vcpus_max": "live", "topology": "live"}


def test_change_beside_a_restart_waits_for_nothing():
    wanted = wish(vcpus=4, watchdog="reset", state="restarted")

    found = plan(wanted, current("running"))

    assert found.steps == (Step.DEFINE, Step.SHUT_DOWN, Step.START)
    assert set(effects(found).values()) == {"live"}


LIVE = [
    ("room-to-grow", {"vcpus": 4}, [Order.SET_VCPUS]),
    ("room-to-grow", {"memory_mib": 1024}, [Order.SET_MEMORY]),
    ("room-to-grow", {"cpu_shares": 100, "cpu_quota_percent": 20}, [Order.SCHEDULE]),
    ("room-to-grow", {"labels": {"a": "b"}}, [Order.LABEL]),
    ("room-to-grow", {"disks": [VDA]}, [Order.PLUG]),
    ("room-to-grow", {"disks": [{**VDA, "bus": "scsi"}]}, [Order.PLUG, Order.PLUG]),
    ("room-to-grow", {"nics": [NIC]}, [Order.PLUG]),
    ("room-to-grow", {"rng": False}, [Order.UNPLUG]),
    ("two-disks-two-nics", {"disks": [VDA]}, [Order.UNPLUG]),
    ("two-disks-two-nics", {"nics": []}, [Order.UNPLUG, Order.UNPLUG]),
    ("disk-limits", {"disks": [VDA, VDB]}, [Order.LIMIT_DISK, Order.LIMIT_DISK]),
    ("cd-drives", {"cdroms": [{"device": "hda"}]}, [Order.UPDATE]),
    ("boot-kinds", {"nics": [{**NIC, "bridge": "br9", "inbound_mib_s": 3}]}, [Order.UPDATE]),
]


@pytest.mark.parametrize(("case", "options", "expected"), LIVE)
def test_what_libvirt_can_do_while_it_runs_is_done(case, options, expected):
    found = plan(wish(**options), current("running", text_of(case)))

    assert orders(found) == expected
    assert Step.DEFINE in found.steps
    done = {path for each in found.steps if isinstance(each, Adjustment) for path in each.fields}
    assert done == {path for path, effect in effects(found).items() if effect == "live"}


WAITS = [
    ("room-to-grow", {"memory_mib": 4096}, {"memory_mib", "memory_max_mib"}),
    ("qemu", {"vcpus": 4}, {"vcpus", "vcpus_max"}),
    ("qemu", {"cpu": {"model": "Nehalem"}}, {"cpu"}),
    ("qemu", {"machine": "pc-i440fx-6.2"}, {"machine"}),
    ("qemu", {"domain_type": "kvm"}, {"domain_type", "cpu"}),
    ("qemu", {"boot": ["network"]}, {"boot"}),
    ("qemu", {"disks": [{**VDA, "cache": "none"}]}, {"disks[vda].cache"}),
    ("qemu", {"disks": [VDA, {**VDB, "bus": "sata"}]}, {"disks[sdb]"}),
    ("qemu", {"cdroms": [{"device": "sda"}]}, {"cdroms[sda]"}),
    ("boot-kinds", {"nics": [{**NIC, "model": "e1000"}]}, {"nics[52:54:00:12:34:56].model"}),
    ("qemu", {"graphics": {}}, {"graphics"}),
    ("qemu", {"serial": "plain"}, {"serial"}),
    ("qemu", {"watchdog": "reset"}, {"watchdog"}),
    ("qemu", {"tablet": True}, {"tablet"}),
    ("qemu", {"tpm": True}, {"tpm"}),
    ("qemu", {"guest_agent": True}, {"guest_agent"}),
]


@pytest.mark.parametrize(("case", "options", "waiting"), WAITS)
def test_what_libvirt_cannot_do_while_it_runs_waits_for_a_restart(case, options, waiting):
    found = plan(wish(**options), current("running", text_of(case)))

    assert found.steps == (Step.DEFINE,)
    assert effects(found) == dict.fromkeys(waiting, "needs_restart")


@pytest.mark.parametrize(
    ("state", "options"),
    [
        ("shutoff", {"firmware": "uefi"}),
        ("shutoff", {"machine": "q35"}),
        ("running", {"machine": "pc-q35-7.2", "vcpus": 1}),
    ],
)
def test_what_a_domain_keeps_for_life_refuses_the_whole_item(state, options):
    with pytest.raises(NeedsRecreationError) as caught:
        plan(wish(**options), current(state, text_of("qemu")))

    told = {each["effect"] for each in caught.value.facts["changes"]}
    assert "needs_recreation" in told


def test_running_domain_changes_before_its_definition():
    """A run that is killed in between is seen by the next: the definition still lacks it."""
    wanted = wish(disks=[VDA, {"volume": f"{UUID}-vdc"}], memory_mib=256)

    found = plan(wanted, current("running", text_of("two-disks-two-nics")))

    steps = [each.order if isinstance(each, Adjustment) else each for each in found.steps]
    assert steps == [Order.SET_MEMORY, Order.UNPLUG, Order.PLUG, Step.DEFINE]


def test_what_a_killed_run_plugged_in_is_only_defined_by_the_next():
    found = plan(
        wish(disks=[VDA, VDB]),
        current("running", text_of("qemu"), text_of("two-disks-two-nics")),
    )

    assert found.steps == (Step.DEFINE,)
    assert effects(found) == {"disks[vdb]": "live"}


@pytest.mark.parametrize(
    ("defined", "running"), [("qemu", "two-disks-two-nics"), ("two-disks-two-nics", "qemu")]
)
def test_what_libvirt_or_the_guest_refused_is_not_asked_by_every_run(defined, running):
    wanted = parsed({"uuid": UUID, "state": "present", "name": "web-1", **CASES[defined]})

    found = plan(wanted, current("running", text_of(defined), text_of(running)))

    assert found.steps == ()


def test_update_of_a_card_leaves_to_the_restart_what_cannot_change_now():
    nic = {**NIC, "bridge": "br9", "model": "e1000"}

    found = plan(wish(nics=[nic]), current("running", text_of("boot-kinds")))

    (update,) = [each for each in found.steps if isinstance(each, Adjustment)]
    assert update.value.find("source").get("bridge") == "br9"
    assert update.value.find("model").get("type") == "virtio"
    assert effects(found) == {
        f"nics[{NIC['mac']}].bridge": "live",
        f"nics[{NIC['mac']}].model": "needs_restart",
    }


def test_autostart_is_no_part_of_the_xml():
    found = plan(wish(autostart=True), current("running"))
    again = plan(wish(autostart=True), current("running", autostart=True))

    assert found.steps == (Step.AUTOSTART,)
    assert again.steps == ()


def test_domain_that_others_made_is_marked_as_an_instance_when_it_changes():
    foreign = xml.render(UUID, created("qemu"))
    foreign.remove(foreign.find("metadata"))

    found = plan(wish(watchdog="reset"), current("shutoff", xml.to_text(foreign)))

    assert effects(found) == {"watchdog": "live", "is_instance": "live"}


def test_rename_of_a_stopped_domain_comes_before_its_definition():
    found = plan(wish(name="web-2"), current("shutoff"))

    assert found.steps == (Step.RENAME, Step.DEFINE)


@pytest.mark.parametrize(
    ("state", "steps"),
    [
        ("shutoff", (Step.SHUT_DOWN, Step.RENAME, Step.DEFINE)),
        ("restarted", (Step.SHUT_DOWN, Step.RENAME, Step.DEFINE, Step.START)),
    ],
)
def test_rename_of_a_running_domain_waits_until_it_is_off(state, steps):
    found = plan(wish(name="web-2", vcpus=3, state=state), current("running"))

    assert found.steps == steps


def test_rename_of_a_running_domain_that_stays_up_is_refused():
    with pytest.raises(DomainStateError, match="shut off"):
        plan(wish(name="web-2"), current("running"))


def test_name_of_another_uuid_is_refused():
    with pytest.raises(NameInUseError, match=OTHER):
        plan(parsed(item("qemu")), CurrentDomain(name_owner=OTHER))


def test_disk_of_another_domain_is_refused():
    users = {f"/var/lib/skep/volumes/{UUID}-vda.qcow2": "db-1"}

    with pytest.raises(VolumeInUseError, match="db-1"):
        plan(parsed(item("qemu")), CurrentDomain(users=users))


def test_vlan_on_a_linux_bridge_needs_a_libvirt_that_can():
    wanted = wish(nics=[{**NIC, "vlan": 249}])

    able = plan(wanted, current("shutoff", libvirt_version=11_000_000))
    with pytest.raises(VlanUnsupportedError, match=r"9\.0\.0"):
        plan(wanted, current("shutoff", libvirt_version=9_000_000))

    assert able.steps == (Step.DEFINE,)
