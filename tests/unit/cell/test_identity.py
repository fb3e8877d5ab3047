import json
import stat
from pathlib import Path

import pytest

from skep.cell.identity import (
    IdentityError,
    Membership,
    load_or_create_key,
    new_boot_id,
    read_membership,
)
from skep.domain.announcement import key_to_text, raw_public_key

KEY = b"\x07" * 32
FIELDS = {"core_id": "id", "core_public_key": key_to_text(KEY), "pool": "p", "core_url": "u"}


def test_the_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "cell" / "identity.pem"
    first = raw_public_key(load_or_create_key(path))
    assert raw_public_key(load_or_create_key(path)) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["identity.pem"]


def test_a_damaged_key_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "identity.pem"
    path.write_text("garbage")
    with pytest.raises(IdentityError, match=r"identity\.pem"):
        load_or_create_key(path)
    assert path.read_text() == "garbage"


def test_boot_ids_differ() -> None:
    assert new_boot_id() != new_boot_id()
    assert len(new_boot_id()) == 16


def test_a_membership_is_read(tmp_path: Path) -> None:
    path = tmp_path / "membership.json"
    assert read_membership(path) is None
    path.write_text(json.dumps(FIELDS))
    assert read_membership(path) == Membership("id", KEY, "p")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", json.dumps({**FIELDS, "core_public_key": "x"})]
)
def test_a_damaged_membership_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "membership.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"membership\.json"):
        read_membership(path)
