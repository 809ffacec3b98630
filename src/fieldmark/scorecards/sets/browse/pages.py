"""One script for each page. With `slip` it does all but one thing right."""

from __future__ import annotations

import datetime
import re

from fieldmark.scorecards import ScriptFault

from .hand import Hand


async def click_button(hand: Hand, slip: bool) -> None:
    (name,) = hand.asked(r'Click on the "(.+)" button')
    if slip:  # the text field nearest to it instead
        others = (
            [b for b in hand.all("button") if b.name != name] or hand.all("textbox") or hand.all("generic")
        )
        await hand.use("click", ref=others[0].ref)
        return
    await hand.click("button", name)


async def click_checkboxes(hand: Hand, slip: bool) -> None:
    (names,) = hand.asked(r"Select (.*) and click Submit")
    wanted = [] if names == "nothing" else names.split(", ")
    for box in hand.all("checkbox"):
        first = box is hand.all("checkbox")[0]
        if (box.name in wanted) != (slip and first):
            await hand.stage.call("click", {"ref": box.ref})
    await hand.submit()


async def _among_tabs(hand: Hand, slip: bool, tabs: list[str]) -> None:
    (word,) = hand.asked(r'click on the link "(.+)"')
    for tab in tabs:
        await hand.use("click", text=tab)
        found = await hand.stage.call("click", {"text": tab if slip else word})
        if not found.error and not slip:
            return
    if not slip:
        raise ScriptFault(f"no tab has '{word}'")


async def click_tab_2(hand: Hand, slip: bool) -> None:
    await _among_tabs(hand, slip, ["Tab #1", "Tab #2", "Tab #3"])


async def click_collapsible(hand: Hand, slip: bool) -> None:
    await _among_tabs(hand, slip, ["Section #1", "Section #2", "Section #3"])


async def choose_list(hand: Hand, slip: bool) -> None:
    (name,) = hand.asked(r"Select (.+) from the list")
    options = [e.name for e in hand.seen if e.role == "option"]
    if slip:
        name = next(option for option in options if option != name)
    await hand.use("select", ref=hand.one("combobox").ref, option=name)
    await hand.submit()


async def read_table(hand: Hand, slip: bool) -> None:
    (key,) = hand.asked(r"Enter the value of (.+) into the text field")
    cells = [cell.name or cell.text for cell in hand.all("cell")]
    table = dict(zip(cells[::2], cells[1::2], strict=True))
    value = next(v for k, v in table.items() if k != key and v != table[key]) if slip else table[key]
    await hand.use("type", text=value, ref=hand.one("textbox").ref)
    await hand.submit()


async def use_spinner(hand: Hand, slip: bool) -> None:
    (wanted,) = hand.asked(r"Select (-?\d+) with the spinner")
    number = int(wanted) + slip
    up, down = [b.ref for b in hand.all("button") if b.name != "Submit"]
    for _ in range(abs(number)):
        await hand.stage.call("click", {"ref": up if number > 0 else down})
    await hand.submit()


async def use_slider(hand: Hand, slip: bool) -> None:
    (wanted,) = hand.asked(r"Select (-?\d+) with the slider")
    value = next(int(e.text) for e in hand.all("generic") if re.fullmatch(r"-?\d+", e.text))
    steps = int(wanted) - value
    if slip:
        steps += 1 if steps < 0 else -1 if steps > 0 else 0
        steps = steps or (1 if int(wanted) != value else -1)
        if int(wanted) == value + steps:
            steps = 0
    await hand.use("press", key="Tab")
    if steps:
        await hand.use("press", key="ArrowRight" if steps > 0 else "ArrowLeft", times=abs(steps))
    await hand.submit()


async def drag_sort_numbers(hand: Hand, slip: bool) -> None:
    for place in range(4):
        items = hand.all("listitem")
        numbers = [int(e.text) for e in hand.all("generic") if re.fullmatch(r"-?\d+", e.text)]
        order = sorted(numbers, reverse=slip)
        at = numbers.index(order[place])
        if at == place:
            continue
        _, top, _, height = items[place].box
        x, y = items[at].middle
        await hand.use("drag", x=x, y=y, to_x=x, to_y=top - height / 2 if place == 0 else top - 2)
    await hand.submit()


async def drag_box(hand: Hand, slip: bool) -> None:
    small, large = hand.one("generic", "s"), hand.one("generic", "L")
    x, y = small.middle
    to_x, to_y = large.middle
    # The page wants the corners' distance between 0 and 30 pixels: from the middle it is about 15.
    if (
        (sx := small.box)[0] <= (lx := large.box)[0] + lx[2]
        and sx[0] + sx[2] > lx[0]
        and large.marks > small.marks
    ):
        x, y = sx[0] + 4, sx[1] + 4  # where the larger one does not cover it
        to_x, to_y = to_x - sx[2] / 2 + 4, to_y - sx[3] / 2 + 4
    if not slip:
        await hand.use("drag", x=x, y=y, to_x=to_x, to_y=to_y)
    else:
        await hand.use("drag", x=x, y=y, to_x=lx[0] - 8, to_y=lx[1] - 8)
    await hand.submit()


async def navigate_tree(hand: Hand, slip: bool) -> None:
    (name,) = hand.asked(r'named "(.+)"')
    tried: set[str] = set()
    for _ in range(12):
        items = [e for e in hand.all("generic") if e.text and e.box[0] > 10 and e.box[1] >= 50]
        fitting = [e for e in items if e.text == name]
        others = [e for e in items if e.text not in tried and e.text != name]
        if slip:
            for other in others:  # opens what is in the way, and takes the first file that is another
                await hand.stage.call("click", {"ref": other.ref})
            return
        if fitting:
            await hand.use("click", ref=fitting[-1].ref)
            return
        folder = await _folder(hand, others)
        tried.add(folder)
    raise ScriptFault(f"'{name}' was not found")


async def _folder(hand: Hand, closed: list) -> str:
    """Open the first folder that is still closed: its line has a marker before it."""
    items = hand.all("listitem")
    for element in closed:
        item = next(i for i in items if i.box[1] <= element.middle[1] <= i.box[1] + i.box[3])
        numbers = [int(e.ref[1:]) for e in (item, element)]
        if numbers[1] - numbers[0] > 1:
            await hand.use("click", ref=element.ref)
            return element.text
    raise ScriptFault("no folder is left")


async def search_engine(hand: Hand, slip: bool) -> None:
    words, number = hand.asked(r'enter "(.+)" and press "Search", then find and click the (\d+)')
    await hand.use("type", text=words, ref=hand.one("textbox").ref)
    await hand.click("button", "Search")
    page, line = divmod(int(number) - 1, 3)
    if page:
        await hand.use("click", text=str(page + 1))
    titles = [e for e in hand.all("link") if e.box[0] < 30 and e.name not in ("<", ">", "1", "2", "3")]
    await hand.use("click", ref=titles[(line + slip) % 3].ref)


async def use_autocomplete(hand: Hand, slip: bool) -> None:
    (begin,) = hand.asked(r'starts with "(.+?)"')
    end = re.search(r'ends with "(.+?)"', hand.goal)
    await hand.use("type", text=begin, ref=hand.one("textbox").ref)
    offered = [e.text or e.name for e in hand.seen if e.role in ("listitem", "option", "generic", "menuitem")]
    fitting = [text for text in offered if text.startswith(begin) and text.endswith(end[1] if end else "")]
    if not fitting:
        raise ScriptFault(f"nothing is offered: {offered}")
    if slip:  # takes what it typed for enough, and one letter less
        await hand.use("press", key="Backspace")
        await hand.use("press", key="Escape")
    else:
        await hand.use("click", text=fitting[0])
    await hand.submit()


async def enter_time(hand: Hand, slip: bool) -> None:
    hour, minute, half = hand.asked(r"Enter (\d+):(\d+)\s(AM|PM)")
    box = hand.one("textbox")
    left, top, _, height = box.box
    await hand.use("click", x=left + 8, y=top + height / 2)
    if slip:
        half = "AM" if half == "PM" else "PM"
    await hand.use("type", text=f"{int(hour):02}{minute}{half}")
    await hand.submit()


async def copy_paste(hand: Hand, slip: bool) -> None:
    source = next(e for e in hand.all("textbox") if e.text)
    target = next(e for e in hand.all("textbox") if not e.text)
    await hand.use("click", ref=source.ref)
    if slip:  # only the last line of the text
        await hand.use("press", key="End")
        await hand.use("press", key="Shift+Home")
    else:
        await hand.use("press", key="Control+a")
    await hand.use("press", key="Control+c")
    await hand.use("click", ref=target.ref)
    await hand.use("press", key="Control+v")
    if slip:
        await hand.use("press", key="Backspace")
    await hand.submit()


async def grid_coordinate(hand: Hand, slip: bool) -> None:
    x, y = hand.asked(r"\((-?\d),(-?\d)\)")
    column, row = int(x), int(y)
    if slip:
        column = column - 1 if column > 0 else column + 1
    # The point (0,0) is 15 pixels right of and above the label "0"; points are 30 pixels apart.
    origin = hand.one("generic", "0").box
    await hand.use("click", x=origin[0] + 9 + 30 * column, y=origin[1] - 5 - 30 * row)


async def find_word(hand: Hand, slip: bool) -> None:
    (number,) = hand.asked(r"Find the (\d+)")
    words = [re.sub(r"[^a-zA-Z]", "", word) for word in hand.one("paragraph").text.split()]
    word = words[int(number) - 1]
    if slip:
        word = next(other for other in words if other != word)
    await hand.use("type", text=word, ref=hand.one("textbox").ref)
    await hand.submit()


async def login_user(hand: Hand, slip: bool) -> None:
    user, password = hand.asked(r'username "(.+)" and the password "(.+)" into')
    first, second = hand.all("textbox")
    await hand.use("type", text=password if slip else user, ref=first.ref)
    await hand.use("type", text=user if slip else password, ref=second.ref)
    await hand.click("button", "Login")


async def simple_arithmetic(hand: Hand, slip: bool) -> None:
    problem = next(e.text for e in hand.all("generic") if re.fullmatch(r"\d+ . \d+ =", e.text))
    a, sign, b, _ = problem.split()
    right = {"+": int(a) + int(b), "-": int(a) - int(b), "x": int(a) * int(b)}[sign]
    await hand.use("type", text=str(right + slip), ref=hand.one("textbox").ref)
    await hand.submit()


MONTHS = [datetime.date(2016, month, 1).strftime("%B") for month in range(1, 13)]


async def choose_date(hand: Hand, slip: bool) -> None:
    month, day, _ = map(int, hand.asked(r"Select (\d+)/(\d+)/(\d+) as the date"))
    await hand.use("click", ref=hand.one("textbox").ref)
    for _ in MONTHS:
        shown = next(e.text for e in hand.all("generic") if e.text.partition(" ")[0] in MONTHS)
        now = MONTHS.index(shown.partition(" ")[0]) + 1
        if now != month:
            await hand.click("generic", "Prev" if now > month else "Next")
    await hand.click("link", str((day % 28) + 1 if slip else day))
    while hand.all("table"):  # it fades away, and is in the way of the button until then
        await hand.look()
    await hand.submit()


PAGES = {
    "choose-date": choose_date,
    "choose-list": choose_list,
    "click-button": click_button,
    "click-checkboxes": click_checkboxes,
    "click-collapsible-2-nodelay": click_collapsible,
    "click-tab-2": click_tab_2,
    "copy-paste": copy_paste,
    "drag-box": drag_box,
    "drag-sort-numbers": drag_sort_numbers,
    "enter-time": enter_time,
    "find-word": find_word,
    "grid-coordinate": grid_coordinate,
    "login-user": login_user,
    "navigate-tree": navigate_tree,
    "read-table": read_table,
    "search-engine": search_engine,
    "simple-arithmetic": simple_arithmetic,
    "use-autocomplete-nodelay": use_autocomplete,
    "use-slider": use_slider,
    "use-spinner": use_spinner,
}
