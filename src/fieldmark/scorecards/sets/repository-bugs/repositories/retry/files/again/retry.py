"""The loop."""

from again.policy import Policy


class GaveUp(Exception):
    """Every attempt failed; `attempts` says how many, `last` is the last error."""

    def __init__(self, attempts: int, last: Exception) -> None:
        super().__init__(f"{attempts} attempts: {last}")
        self.attempts = attempts
        self.last = last


def retry(function, policy: Policy = Policy(), wait=lambda seconds: None):
    """The function's result. Raises GaveUp; errors that are not in the policy are passed on at once."""
    number = 0
    while True:
        try:
            return function()
        except Exception as error:
            number += 1
            if number > policy.attempts:
                raise GaveUp(number, error) from error
            wait(policy.pause(number))
