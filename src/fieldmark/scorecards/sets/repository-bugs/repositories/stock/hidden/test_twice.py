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


def test_releasing_twice_gives_back_once(store):
    number = store.reserve({"tea": 4})
    store.release(number)
    store.release(number)
    assert store.available("tea") == 10


def test_what_was_shipped_does_not_come_back(store):
    number = store.reserve({"tea": 4})
    store.ship(number)
    store.release(number)
    assert store.available("tea") == 6
    with pytest.raises(KeyError):
        store.ship(number)


def test_an_old_one_that_is_released(store, clock):
    number = store.reserve({"tea": 4})
    clock.now = 40
    assert store.available("tea") == 10
    store.release(number)
    assert store.available("tea") == 10


def test_all_or_nothing(store):
    with pytest.raises(NotEnough):
        store.reserve({"tea": 4, "cup": 3})
    assert store.available("tea") == 10
    assert store.available("cup") == 2


def test_the_list_of_goods_belongs_to_the_store(store):
    from fieldmark_code import code

    goods = code.keep({"tea": 1})
    number = store.reserve(goods)
    goods["tea"] = 9
    store.release(number)
    assert store.available("tea") == 10


def test_unknown_numbers(store):
    with pytest.raises(KeyError):
        store.release(99)


def test_it_can_be_shipped_up_to_the_last_minute(store, clock):
    number = store.reserve({"cup": 1})
    clock.now = 30
    assert store.ship(number) == {"cup": 1}
