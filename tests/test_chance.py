"""Chances and ranges: what they give, and that every number takes one call, whatever comes of it."""

import numpy as np
import pytest

from pipeline import chance


def generator():
    return np.random.Generator(np.random.Philox(key=5))


def drawn(what, n=20_000):
    rng = generator()
    return np.array([what(rng) for _ in range(n)])


@pytest.mark.parametrize(
    ("what", "calls"),
    [
        (lambda rng: chance.happens(rng, 0.0), 1),
        (lambda rng: chance.happens(rng, 1.0), 1),
        (lambda rng: chance.uniform(rng, (2.0, 2.0)), 1),
        (lambda rng: chance.factor(rng, (0.7, 1.5)), 1),
        (lambda rng: chance.factor(rng, (1.5, 1.5)), 1),
        (chance.key, 2),
    ],
)
def test_a_number_is_one_call(what, calls):
    one, other = generator(), generator()
    what(one)
    [other.random() for _ in range(calls)]
    assert one.random() == other.random()


def test_happens():
    assert drawn(lambda rng: chance.happens(rng, 0.3)).mean() == pytest.approx(0.3, abs=0.02)
    assert not drawn(lambda rng: chance.happens(rng, 0.0), 100).any()
    assert drawn(lambda rng: chance.happens(rng, 1.0), 100).all()


def test_uniform():
    made = drawn(lambda rng: chance.uniform(rng, (-2.0, 6.0)))
    assert -2 <= made.min() < -1.99
    assert 5.99 < made.max() <= 6
    assert made.mean() == pytest.approx(2, abs=0.05)


def test_half_of_all_factors_lie_below_1():
    made = drawn(lambda rng: chance.factor(rng, (0.7, 1.5)))
    assert (made < 1).mean() == pytest.approx(0.5, abs=0.02)
    assert 0.7 <= made.min() < 0.701
    assert 1.499 < made.max() <= 1.5
    assert made[made < 1].mean() == pytest.approx(0.85, abs=0.01)
    assert made[made > 1].mean() == pytest.approx(1.25, abs=0.01)
    assert drawn(lambda rng: chance.factor(rng, (1.2, 1.4)), 100).min() >= 1.2


def test_keys_use_all_their_bits():
    rng = generator()
    keys = [chance.key(rng) for _ in range(64)]
    assert keys[0] == chance.key(generator())
    assert len({*keys}) == 64
    assert all(type(key) is int and 0 <= key < 2**64 for key in keys)
    assert all(any(key >> bit & 1 for key in keys) and not all(key >> bit & 1 for key in keys) for bit in range(64))


@pytest.mark.parametrize("given", [(2, 1), (np.nan, 1), (0, np.inf), (-1, 1), (1,), (1, 2, 3)])
def test_no_range(given):
    with pytest.raises(ValueError, match="width is a range"):
        chance.check(0.5, lowest=0.0, width=given)


@pytest.mark.parametrize("p", [-0.1, 1.1, np.nan])
def test_no_chance(p):
    with pytest.raises(ValueError, match="p is a chance"):
        chance.check(p)
