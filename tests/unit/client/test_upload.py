import pytest
from tests.unit.client.samples import image
from tests.unit.client.scripted_core import problem

from skep.client.errors import FileChangedError, InvalidRequestError
from skep.client.images import _Body

SIZE = 3 * 1024 * 1024 + 17


@pytest.fixture
def disk(tmp_path):
    path = tmp_path / "disk.qcow2"
    path.write_bytes(bytes(range(256)) * (SIZE // 256) + b"x" * (SIZE % 256))
    return path


def test_a_file_is_sent_whole_with_its_length_and_progress(api, core, disk):
    core.on("PUT", "/images/debian/content", image())
    seen = []
    assert api.images.upload("debian", disk, seen.append).state == "ready"
    asked = core.last("PUT")
    assert asked.headers["content-length"] == str(SIZE)
    assert "transfer-encoding" not in asked.headers
    assert asked.body == disk.read_bytes()
    assert seen == sorted(seen)
    assert seen[-1] == SIZE
    assert len(seen) < 40


@pytest.mark.parametrize("code", ["not_an_image", "unsafe_image", "image_too_large"])
def test_a_refused_content_keeps_its_code(api, core, disk, code):
    core.on("PUT", "/images/debian/content", problem(422, code, "backing file /etc/shadow"))
    with pytest.raises(InvalidRequestError) as caught:
        api.images.upload("debian", disk)
    assert caught.value.problem_code == code


def test_a_missing_file_asks_nothing(api, core, tmp_path):
    with pytest.raises(FileNotFoundError):
        api.images.upload("debian", tmp_path / "none")
    assert core.asked == []


def test_a_file_that_grows_is_sent_up_to_its_announced_length(disk):
    with disk.open("rb") as stream:
        body = _Body(stream, disk, None)
        with disk.open("ab") as more:
            more.write(b"grown")
        assert sum(map(len, body)) == len(body) == SIZE


def test_a_file_that_shrinks_stops_the_upload(disk):
    with disk.open("rb") as stream:
        body = _Body(stream, disk, None)
        with disk.open("r+b") as less:
            less.truncate(1000)
        with pytest.raises(FileChangedError, match=f"ended at 1000 of {SIZE} bytes"):
            list(body)
