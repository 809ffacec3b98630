"""The warehouse."""

from stock.reservation import Reservation


class NotEnough(Exception):
    """There is not enough of something; nothing was reserved."""


class Store:
    """A clock is given: a function that returns minutes."""

    def __init__(self, clock, keep: int = 30) -> None:
        self._clock = clock
        self._keep = keep
        self._free = {}
        self._reservations = {}

    def receive(self, name: str, count: int) -> None:
        if count <= 0:
            raise ValueError("nothing received")
        self._free[name] = self._free.get(name, 0) + count

    def available(self, name: str) -> int:
        self._forget_old()
        return self._free.get(name, 0)

    def reserve(self, goods: dict) -> int:
        """Number of a reservation of all these goods. Raises NotEnough."""
        self._forget_old()
        for name, count in goods.items():
            if self._free.get(name, 0) < count:
                raise NotEnough(name)
            self._free[name] -= count
        number = len(self._reservations) + 1
        self._reservations[number] = Reservation(number, goods, self._clock() + self._keep)
        return number

    def release(self, number: int) -> None:
        """Give back what was reserved; nothing happens when it was shipped or given back before."""
        reservation = self._reservations[number]
        for name, count in reservation.goods.items():
            self._free[name] += count
        reservation.close("released")

    def ship(self, number: int) -> dict:
        """The goods go out. Raises KeyError when there is no open reservation of that number."""
        self._forget_old()
        reservation = self._reservations[number]
        if reservation.state != "open":
            raise KeyError(number)
        reservation.close("shipped")
        return dict(reservation.goods)

    def _forget_old(self) -> None:
        for reservation in self._reservations.values():
            if reservation.state == "open" and self._clock() > reservation.until:
                self.release(reservation.number)
