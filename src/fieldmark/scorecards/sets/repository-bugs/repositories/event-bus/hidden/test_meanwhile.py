from bus import Bus


def listener(heard, name):
    return lambda topic, data: heard.append(name)


def test_nobody_is_skipped_when_one_leaves():
    bus, heard = Bus(), []
    bus.once("a", listener(heard, "once"))
    bus.on("a", listener(heard, "second"))
    bus.once("a", listener(heard, "third"))
    bus.on("a", listener(heard, "fourth"))
    assert bus.emit("a") == 4
    assert heard == ["once", "second", "third", "fourth"]
    assert bus.emit("a") == 2


def test_who_begins_meanwhile_hears_the_next():
    bus, heard = Bus(), []
    bus.on("a", lambda topic, data: bus.on("a", listener(heard, "new")))
    assert bus.emit("a") == 1
    assert heard == []
    assert bus.emit("a") == 2
    assert heard == ["new"]


def test_who_was_sent_away_meanwhile_is_not_told():
    bus, heard, offs = Bus(), [], []
    bus.on("a", lambda topic, data: offs[0]())
    offs.append(bus.on("a", listener(heard, "gone")))
    bus.on("a", listener(heard, "there"))
    assert bus.emit("a") == 2
    assert heard == ["there"]


def test_once_also_when_it_emits_itself():
    bus, heard = Bus(), []

    def again(topic, data):
        heard.append(data)
        if data < 3:
            bus.emit("a", data + 1)

    bus.once("a", again)
    bus.emit("a", 1)
    assert heard == [1]


def test_once_also_when_it_fails():
    bus = Bus()
    bus.once("a", lambda topic, data: 1 / 0)
    bus.emit("a")
    assert bus.emit("a") == 0
    assert len(bus.failures) == 1


def test_the_same_listener_twice():
    bus, heard = Bus(), []
    both = listener(heard, "both")
    bus.on("a", both)
    off = bus.on("a", both)
    off()
    off()
    assert bus.emit("a") == 1
