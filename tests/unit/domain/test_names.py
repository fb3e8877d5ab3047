import pytest

from skep.domain.errors import InvalidNameError
from skep.domain.names import check_instance_name, check_label, is_cell_name


@pytest.mark.parametrize(
    "name",
    ["web-1", "{{ lookup('pipe','id') }}", "数据库 1", "a<name>&<devices>", "$(id)", "x" * 64],
)
def test_an_instance_may_be_called_almost_anything(name: str) -> None:
    assert check_instance_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 65,
        "𒀀" * 61,
        "a/b",
        " a",
        "a ",
        "a\nb",
        "a\x00b",
        "a\u202eb",
        "a\u200bb",
        ".",
        "..",
    ],
)
def test_names_that_could_not_be_stored_shown_or_addressed_are_refused(name: str) -> None:
    with pytest.raises(InvalidNameError):
        check_instance_name(name)


@pytest.mark.parametrize("name", ["", "../etc", "a b", "-a", "x" * 64, "é"])
def test_labels_are_plain(name: str) -> None:
    with pytest.raises(InvalidNameError):
        check_label("pool", name)


def test_cell_names_are_rfc_1123_labels() -> None:
    assert is_cell_name("cell-1")
    assert not is_cell_name("Cell_1")
    assert not is_cell_name("cell-")
