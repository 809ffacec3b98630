import pytest
from accounts import Book, Unbalanced, statement


@pytest.fixture
def book():
    made = Book()
    made.post("2026-01-05", {"assets:bank": 1000, "income:salary": -1000})
    made.post("2026-02-10", {"assets:cash": 200, "assets:bank": -200})
    return made


def test_balances(book):
    assert book.balance("assets:bank") == 800
    assert book.balance("assets") == 1000
    assert book.balance("income") == -1000


def test_before_everything(book):
    assert book.balance("assets", "2025-12-31") == 0


def test_between(book):
    assert book.balance("assets:bank", "2026-02-01") == 1000


def test_it_has_to_add_up(book):
    with pytest.raises(Unbalanced):
        book.post("2026-03-01", {"assets:bank": 1})


def test_statement(book):
    assert statement(book, "assets") == ["  assets:bank: 800", "  assets:cash: 200"]
