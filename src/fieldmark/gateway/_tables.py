"""The gateway's tables: a view of the ledger that can be thrown away and computed again from its records."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table

METADATA = MetaData()

cases = Table(
    "gateway_cases",
    METADATA,
    Column("id", String, primary_key=True),
    Column("started", BigInteger, nullable=False),  # ledger index
    Column("at", String, nullable=False),
    Column("application", String),
    Column("person", String),
    Column("category", String),
    Column("contender", String, nullable=False),  # whoever answered, once that is known
    Column("state", String, nullable=False),  # see views.CaseState
    Column("request", String, nullable=False),  # text id
    Column("answer", String),  # text id
    Column("calls", String),  # text id
    Column("failure", String),
    Column("answered", Boolean, nullable=False),
    Column("outcome", String),  # id of the newest
    Column("result", String),
    Column("changed", Integer),  # of the newest, in hundredths
    Column("shadow", String),  # id of the shadow battle
    Index("gateway_cases_started", "started"),
    Index("gateway_cases_state", "state", "started"),
    Index("gateway_cases_application", "application", "started"),
    Index("gateway_cases_person", "person"),
)

unanswered = Table(
    "gateway_unanswered",
    METADATA,
    Column("case", String, primary_key=True),
    Column("contender", String, nullable=False),
)
"""Cases without a reply: being answered, or left behind by a server that went down."""

outcomes = Table(
    "gateway_outcomes",
    METADATA,
    Column("id", String, primary_key=True),
    Column("case", String, nullable=False),
    Column("index", BigInteger, nullable=False),
    Column("at", String, nullable=False),
    Column("result", String, nullable=False),
    Column("by", String, nullable=False),
    Column("number", Float),
    Column("changed", Float),
    Column("edit", String),  # text id
    Column("note", String),  # text id
    Index("gateway_outcomes_case", "case", "index"),
)

findings = Table(
    "gateway_findings",
    METADATA,
    Column("index", BigInteger, primary_key=True),
    Column("case", String, nullable=False),
    Column("at", String, nullable=False),
    Column("monitor", String, nullable=False),
    Column("passed", Boolean),
    Column("score", Float),
    Column("explanation", String),  # text id
    Column("error", String),
    Index("gateway_findings_case", "case", "index"),
)

counts = Table(
    "gateway_counts",
    METADATA,
    Column("contender", String, primary_key=True),
    Column("category", String, primary_key=True),  # "" is all categories
    Column("key", String, primary_key=True),  # see _projection
    Column("n", Integer, nullable=False),
    Column("amount", Float, nullable=False),
)

applications = Table(
    "gateway_applications",
    METADATA,
    Column("application", String, primary_key=True),
    Column("cases", Integer, nullable=False),
    Column("reported", Integer, nullable=False),
)

ALL = (cases, unanswered, outcomes, findings, counts, applications)
