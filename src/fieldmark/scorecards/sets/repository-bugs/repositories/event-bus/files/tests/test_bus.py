from bus import Bus


def test_listening():
    bus, heard = Bus(), []
    bus.on("order.paid", lambda topic, data: heard.append((topic, data)))
    assert bus.emit("order.paid", 5) == 1
    assert bus.emit("order.sent") == 0
    assert heard == [("order.paid", 5)]


def test_patterns():
    bus, heard = Bus(), []
    bus.on("order.*", lambda topic, data: heard.append(topic))
    bus.emit("order.paid")
    bus.emit("order.paid.late")
    bus.emit("user.new")
    assert heard == ["order.paid", "order.paid.late"]


def test_ending():
    bus, heard = Bus(), []
    off = bus.on("a", lambda topic, data: heard.append(1))
    off()
    off()
    assert bus.emit("a") == 0


def test_once():
    bus, heard = Bus(), []
    bus.once("a", lambda topic, data: heard.append(1))
    bus.emit("a")
    bus.emit("a")
    assert heard == [1]


def test_failures_do_not_stop_others():
    bus, heard = Bus(), []
    bus.on("a", lambda topic, data: 1 / 0)
    bus.on("a", lambda topic, data: heard.append(1))
    assert bus.emit("a") == 2
    assert heard == [1]
    assert len(bus.failures) == 1
