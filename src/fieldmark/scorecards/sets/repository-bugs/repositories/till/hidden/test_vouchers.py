import pytest
from till import Cart, Fixed, Percent


def cart(*lines, vouchers=()):
    made = Cart()
    for line in lines:
        made.add(*line)
    for voucher in vouchers:
        made.apply(voucher)
    return made


def test_a_fixed_voucher_is_taken_off_once():
    assert cart(("tea", 1000), ("cup", 1000), vouchers=[Fixed(500)]).total() == 1500


def test_percent_is_rounded_once():
    assert cart(("a", 5), ("b", 5), ("c", 5), vouchers=[Percent(10)]).total() == 13


def test_a_fixed_voucher_larger_than_one_line():
    assert cart(("tea", 300), ("cup", 900), vouchers=[Fixed(500)]).total() == 700


@pytest.mark.parametrize(("vouchers", "total"), [([Fixed(500), Percent(10)], 1350), ([Percent(10), Fixed(500)], 1300)])
def test_the_order_of_vouchers_counts(vouchers, total):
    assert cart(("tea", 1000), ("cup", 1000), vouchers=vouchers).total() == total


def test_the_receipt_says_the_same():
    made = cart(("tea", 1000), ("cup", 1000), vouchers=[Fixed(500)])
    assert made.receipt().splitlines()[-2:] == ["saved 5.00", "total 15.00"]


def test_nothing_below_zero():
    assert cart(("tea", 100), ("cup", 100), vouchers=[Fixed(500)]).total() == 0


def test_more_vouchers_of_one_kind():
    assert cart(("tea", 999), ("cup", 1), vouchers=[Fixed(100), Fixed(200)]).total() == 700
