import pytest
from stock import NotEnough, Store


class Clock:
    def __init__(self):
        self.now = 0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(clock):
    made = Store(clock)
    made.receive("tea", 10)
    made.receive("cup", 2)
    return made


def test_reserving(store):
    store.reserve({"tea": 4})
    assert store.available("tea") == 6


def test_releasing(store):
    number = store.reserve({"tea": 4})
    store.release(number)
    assert store.available("tea") == 10


def test_shipping(store):
    number = store.reserve({"tea": 4, "cup": 1})
    assert store.ship(number) == {"tea": 4, "cup": 1}
    assert store.available("tea") == 6
    with pytest.raises(KeyError):
        store.ship(number)


def test_not_enough(store):
    with pytest.raises(NotEnough):
        store.reserve({"cup": 3})


def test_old_ones_are_forgotten(store, clock):
    store.reserve({"tea": 4})
    clock.now = 31
    assert store.available("tea") == 10


def test_unknown_goods(store):
    assert store.available("pot") == 0
