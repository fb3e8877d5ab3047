"""The module's whole way on libvirt's test driver, which keeps its domains in this process."""

import pytest
from tests.unit.collection.filled import filled

from ansible_collections.skep.kvm.plugins.module_utils._domain.description import look
from ansible_collections.skep.kvm.plugins.module_utils._domain.paths import Directories
from ansible_collections.skep.kvm.plugins.module_utils._domain.resource import Domains
from ansible_collections.skep.kvm.plugins.module_utils._host import locks
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._items import ensure_all
from ansible_collections.skep.kvm.plugins.modules.domain import ARGUMENT_SPEC


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "DIRECTORY", tmp_path / "locks")
    with Hypervisor.connect("test:///default") as connected:
        yield connected


@pytest.fixture
def directories(tmp_path):
    return Directories(volumes=str(tmp_path / "volumes"), serial_logs=str(tmp_path / "logs"))


@pytest.fixture
def ensured(host, directories):
    """Do one item on the driver's own domain, foretold in check mode."""

    def ensure(**item):
        wish = [filled(ARGUMENT_SPEC, name="test", **item)]
        domains = Domains(host, directories)
        (foretold,) = ensure_all(domains, wish, check_mode=True)
        (done,) = ensure_all(domains, wish, check_mode=False)
        for key in ("ok", "changed", "diff", "code", "changes"):
            assert foretold.get(key) == done.get(key)
        return done

    return ensure


@pytest.mark.parametrize(
    ("states", "changed"),
    [
        (["running"], [False]),
        (["paused", "paused", "resumed", "resumed"], [True, False, True, False]),
        (["shutoff", "shutoff"], [True, False]),
        (["reset"], [True]),
    ],
)
def test_power_goes_its_way(ensured, states, changed):
    found = [ensured(state=state) for state in states]

    assert [each["msg"] for each in found] == [None] * len(states)
    assert [each["changed"] for each in found] == changed
    assert found[-1]["state"] in {*states, "running"}


def test_domain_that_others_made_gets_a_label_and_keeps_the_rest(ensured, host, directories):
    ensured(state="shutoff", force=True)

    first = ensured(state="present", labels={"a": "b"}, autostart=True)
    second = ensured(state="present", labels={"a": "b"}, autostart=True)

    assert {each["field"] for each in first["changes"]} == {"labels", "is_instance", "autostart"}
    assert (second["changed"], second["changes"]) == (False, [])
    (described,) = look(host, ["test"], directories)["domains"]
    assert described["definition"]["labels"] == {"a": "b"}
    assert described["is_instance"]


def test_domains_are_looked_at_by_uuid_name_or_all(host, directories):
    (only,) = look(host, None, directories)["domains"]
    by_both = look(host, [only["uuid"], "test", "nobody"], directories)

    assert by_both == {"domains": [only], "missing": ["nobody"]}
    assert (only["name"], only["state"]) == ("test", "running")
    assert (only["definition"]["vcpus"], only["definition"]["memory_mib"]) == (2, 2048)
    assert not only["is_instance"]
