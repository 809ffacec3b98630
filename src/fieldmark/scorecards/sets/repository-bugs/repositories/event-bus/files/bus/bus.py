"""The bus."""

from bus.topics import fits


class Bus:
    """Listeners are called in the order in which they began to listen."""

    def __init__(self) -> None:
        self._listeners = []
        self.failures = []

    def on(self, pattern: str, listener):
        """Listen; returns a function that ends it."""
        entry = (pattern, listener)
        self._listeners.append(entry)

        def off() -> None:
            if entry in self._listeners:
                self._listeners.remove(entry)

        return off

    def once(self, pattern: str, listener) -> None:
        """Listen to one event only."""

        def listen(topic, data):
            listener(topic, data)
            off()

        off = self.on(pattern, listen)

    def emit(self, topic: str, data=None) -> int:
        """Tell everybody who listens now; how many were told. What a listener raises is kept in `failures`."""
        told = 0
        for pattern, listener in self._listeners:
            if fits(pattern, topic):
                told += 1
                try:
                    listener(topic, data)
                except Exception as error:
                    self.failures.append((topic, error))
        return told
