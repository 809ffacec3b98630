import pytest
from till import Cart, Fixed, Percent, VoucherError


def cart(*lines):
    made = Cart()
    for line in lines:
        made.add(*line)
    return made


def test_lines_add_up():
    assert cart(("tea", 349, 2), ("cup", 500)).total() == 1198


def test_an_empty_cart_costs_nothing():
    assert cart().total() == 0


def test_a_voucher_on_one_line():
    one = cart(("tea", 1000))
    one.apply(Percent(10))
    assert one.total() == 900


def test_a_fixed_voucher_never_pays_out():
    one = cart(("tea", 300))
    one.apply(Fixed(500))
    assert one.total() == 0


def test_each_voucher_once():
    one = cart(("tea", 300))
    one.apply(Fixed(100))
    with pytest.raises(VoucherError):
        one.apply(Fixed(100))


def test_receipt():
    one = cart(("tea", 1000))
    one.apply(Percent(10))
    assert one.receipt() == "1 x tea 10.00\nsaved 1.00\ntotal 9.00"


def test_bad_percentages():
    with pytest.raises(VoucherError):
        Percent(0)
