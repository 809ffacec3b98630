from tests.e2e.told import Orders
from tests.e2e import told
def test_x(visitor):
    page = visitor.ask(Orders("held:nev", "held:nev"))
    page.get_by_text("A first part").nth(3).wait_for()
    visitor.vote("b")
    print([a.inner_text() for a in page.locator("article").all()])
    page.screenshot(path="/tmp/e2e_dev/s.png")
    told.open_door("nev")
