import pytest
from accounts import Book, statement


@pytest.fixture
def book():
    made = Book()
    made.post("2026-01-31", {"assets:bank": 1000, "equity": -1000})
    made.post("2026-01-31", {"assets:bank:giro": 50, "equity": -50})
    made.post("2026-02-01", {"assets:bankruptcy": 70, "assets-old": 30, "equity": -100})
    return made


def test_similar_names_do_not_belong(book):
    assert book.balance("assets:bank") == 1050
    assert book.balance("assets") == 1120
    assert book.balance("assets-old") == 30


def test_the_day_itself_counts(book):
    assert book.balance("assets", "2026-01-31") == 1050
    assert book.balance("assets", "2026-01-30") == 0
    assert book.balance("equity", "2026-02-01") == -1150


def test_the_statement_too(book):
    assert statement(book, "assets:bank") == ["  assets:bank: 1050", "    assets:bank:giro: 50"]


def test_everything(book):
    assert book.balance("") == 0
    assert len(statement(book, "")) == 5
