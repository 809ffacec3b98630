from tests.e2e.visitor import Visitor
from tests.e2e.told import Orders
def test_round(visitor: Visitor) -> None:
    visitor.round(Orders(), "a")
    visitor.page.screenshot(path="/tmp/s.png")
