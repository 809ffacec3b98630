"""The gateway, measure 0: real cases through OpenAI's protocol, and what became of them."""

from fieldmark.gateway._canary import Canaries, CanaryRun, ask_canaries
from fieldmark.gateway._completions import model_list
from fieldmark.gateway._drift import Drift
from fieldmark.gateway._drift_record import drift_record
from fieldmark.gateway._drift_tables import DriftProjection, alarms, drift_spent
from fieldmark.gateway._gateway import Gateway, Served
from fieldmark.gateway._headers import CASE, CATEGORY, CONTENDER, PERSON, asker_of
from fieldmark.gateway._inbox import Which, application_counts, case_page, case_view
from fieldmark.gateway._outcomes import gateway_spent, outcome_table
from fieldmark.gateway._projection import GatewayProjection
from fieldmark.gateway._recorder import Asker
from fieldmark.gateway._redact import Redactor
from fieldmark.gateway._reports import Report
from fieldmark.gateway._results import case_results
from fieldmark.gateway.drift_views import Alarm, DriftView
from fieldmark.gateway.views import OutcomeTable

__all__ = [
    "CASE",
    "CATEGORY",
    "CONTENDER",
    "PERSON",
    "Alarm",
    "Asker",
    "Canaries",
    "CanaryRun",
    "Drift",
    "DriftProjection",
    "DriftView",
    "Gateway",
    "GatewayProjection",
    "OutcomeTable",
    "Redactor",
    "Report",
    "Served",
    "Which",
    "alarms",
    "application_counts",
    "ask_canaries",
    "asker_of",
    "case_page",
    "case_results",
    "case_view",
    "drift_record",
    "drift_spent",
    "gateway_spent",
    "model_list",
    "outcome_table",
]
