from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.client.scripted_core import TOKEN, Authority, ScriptedCore

from skep.client.api import CoreApi, Endpoint


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> Path:
    return authority.issue()


@pytest.fixture
def core(certificate: Path) -> Iterator[ScriptedCore]:
    core = ScriptedCore(certificate)
    core.start()
    yield core
    core.stop()


@pytest.fixture
def endpoint(core: ScriptedCore, authority: Authority) -> Endpoint:
    return Endpoint(core.url, TOKEN, authority.file, connect_timeout_s=2, read_timeout_s=5)


@pytest.fixture
def api(endpoint: Endpoint) -> Iterator[CoreApi]:
    with CoreApi(endpoint) as api:
        yield api
