"""Random numbers of sampled structures."""

from al_core.structures.seeding import generator


def test_role_slice_seed_and_number_each_count() -> None:
    keys = [("pool", "a", 0, 0), ("test", "a", 0, 0), ("pool", "b", 0, 0), ("pool", "a", 1, 0), ("pool", "a", 0, 1)]
    drawn = [generator(*key).random() for key in keys]
    assert len(set(drawn)) == len(keys)
    assert [generator(*key).random() for key in keys] == drawn
