from skep.core.discovery.limits import Bucket, Buckets, Pending


def test_a_bucket_lets_a_burst_pass_and_then_its_rate() -> None:
    bucket = Bucket(rate=2.0, burst=3.0)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(101.0) for _ in range(3)] == [True, True, False]


def test_a_clock_that_steps_back_does_not_close_a_bucket_for_good() -> None:
    bucket = Bucket(rate=1.0, burst=1.0)
    assert bucket.take(1000.0)
    assert not bucket.take(10.0)
    assert bucket.take(11.5)


def test_sources_do_not_share_a_bucket_and_are_forgotten_in_turn() -> None:
    buckets = Buckets(rate=1.0, burst=1.0, most=2)
    assert buckets.take("a", 0.0)
    assert not buckets.take("a", 0.0)
    assert buckets.take("b", 0.0)
    assert buckets.take("c", 0.0)
    assert buckets.take("a", 0.0)


def test_a_full_table_keeps_those_who_wait() -> None:
    pending = Pending(most=2, most_per_source=5, silent_s=60)
    for key in (b"a", b"b"):
        assert pending.has_room(key, "s", 0.0)
        pending.hear(key, "s", 0.0)
    assert not pending.has_room(b"c", "s", 1.0)
    assert pending.has_room(b"a", "s", 1.0)


def test_the_silent_make_room() -> None:
    pending = Pending(most=2, most_per_source=5, silent_s=60)
    pending.hear(b"a", "s", 0.0)
    pending.hear(b"b", "s", 0.0)
    pending.hear(b"a", "s", 50.0)
    assert pending.has_room(b"c", "s", 61.0)
    pending.hear(b"c", "s", 61.0)
    assert len(pending) == 2
    assert not pending.has_room(b"b", "s", 61.0)


def test_one_source_has_few_places_and_gets_them_back() -> None:
    pending = Pending(most=10, most_per_source=1, silent_s=60)
    pending.hear(b"a", "s", 0.0)
    assert not pending.has_room(b"b", "s", 1.0)
    assert pending.has_room(b"b", "t", 1.0)
    assert pending.has_room(b"b", "s", 100.0)
