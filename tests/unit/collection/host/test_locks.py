import threading

import pytest

from ansible_collections.skep.kvm.plugins.module_utils._errors import BusyError
from ansible_collections.skep.kvm.plugins.module_utils._host.locks import locked


def test_second_holder_is_told_that_the_object_is_busy(tmp_path):
    with (
        locked("x", directory=tmp_path),
        pytest.raises(BusyError, match="x: another task"),
        locked("x", directory=tmp_path, wait_s=0.1),
    ):
        pytest.fail("two holders of one lock")


def test_other_objects_are_free(tmp_path):
    with locked("x", directory=tmp_path), locked("y", directory=tmp_path, wait_s=0):
        pass


def test_lock_is_free_again_and_leaves_no_file(tmp_path):
    with locked("x", directory=tmp_path):
        pass
    with locked("x", directory=tmp_path, wait_s=0):
        pass

    assert list(tmp_path.iterdir()) == []


def test_never_two_inside_though_every_holder_removes_the_file(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(20):
            with locked("x", directory=tmp_path):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(most) == 80
    assert max(most) == 1
