"""Monitors of the desk: functions from a case to a finding."""

import re

from fieldmark.monitors import CaseFacts, Finding

ORDER = re.compile(r"A-\d{4}")


def names_the_order(case: CaseFacts) -> Finding:
    """An answer about an order says which one."""
    asked = {order for message in case.messages for order in ORDER.findall(str(message["content"]))}
    missing = asked - set(ORDER.findall(case.answer))
    return Finding(not missing, explanation=f"not named: {', '.join(sorted(missing))}" if missing else "")
