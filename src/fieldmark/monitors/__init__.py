"""Checks of live cases, by a protocol that knows no room: from what was asked and answered to a finding.

A monitor's kind is a maker, `maker(settings, folder) -> Monitor`, in the registry `MONITORS` (entry-point group
`fieldmark.monitors`). Making one must be cheap and harmless, since a field's check does it too: what is slow or runs
somebody's code waits for the first case.
"""

from fieldmark.monitors._base import MONITORS, CaseFacts, Finding, Maker, Monitor, fingerprint
from fieldmark.monitors._kinds import Citation, Forbidden, JsonSchema, PythonFunction
from fieldmark.monitors._process import MonitorProcess, Report

__all__ = [
    "MONITORS",
    "CaseFacts",
    "Citation",
    "Finding",
    "Forbidden",
    "JsonSchema",
    "Maker",
    "Monitor",
    "MonitorProcess",
    "PythonFunction",
    "Report",
    "fingerprint",
]
