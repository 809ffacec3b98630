"""Kinds of verifier that come with Fieldmark, and the maker of any of them by name."""

from fieldmark.scorecards.verifiers._all import All
from fieldmark.scorecards.verifiers._base import Check, SettingsError
from fieldmark.scorecards.verifiers._browser import Browser
from fieldmark.scorecards.verifiers._calls import Calls
from fieldmark.scorecards.verifiers._code import Code, Source
from fieldmark.scorecards.verifiers._files import Files
from fieldmark.scorecards.verifiers._judge import Calibration, Label, ModelJudge, calibrate, read_labels
from fieldmark.scorecards.verifiers._make import make
from fieldmark.scorecards.verifiers._monitored import Monitored
from fieldmark.scorecards.verifiers._pytest import Pytest
from fieldmark.scorecards.verifiers._python import PythonFunction
from fieldmark.scorecards.verifiers._structures import JsonSchema, State
from fieldmark.scorecards.verifiers._texts import Exact, Number, Regex

__all__ = [
    "All",
    "Browser",
    "Calibration",
    "Calls",
    "Check",
    "Code",
    "Exact",
    "Files",
    "JsonSchema",
    "Label",
    "ModelJudge",
    "Monitored",
    "Number",
    "Pytest",
    "PythonFunction",
    "Regex",
    "SettingsError",
    "Source",
    "State",
    "calibrate",
    "make",
    "read_labels",
]
