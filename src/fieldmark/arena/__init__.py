"""The arena: people compare two contenders blind, and a vote moves the leaderboard."""

from fieldmark.arena._arena import Arena
from fieldmark.arena._ballots import Ballot, BallotFile
from fieldmark.arena._boards import Boards, Standings
from fieldmark.arena._exchange import FORMATS, Exported, Format, Wanted, export_votes
from fieldmark.arena._importing import Imported, import_votes, imported_digest
from fieldmark.arena._projection import ArenaProjection
from fieldmark.arena._records import (
    AnswerRecord,
    CountedVote,
    Judged,
    answer_record,
    counted_votes,
    judged_shadows,
    spent,
    votes,
)
from fieldmark.arena._shadow import ShadowBallot, Shadows
from fieldmark.arena._standing import Standing
from fieldmark.arena._votefile import VoteFile, read_votes

__all__ = [
    "FORMATS",
    "AnswerRecord",
    "Arena",
    "ArenaProjection",
    "Ballot",
    "BallotFile",
    "Boards",
    "CountedVote",
    "Exported",
    "Format",
    "Imported",
    "Judged",
    "ShadowBallot",
    "Shadows",
    "Standing",
    "Standings",
    "VoteFile",
    "Wanted",
    "answer_record",
    "counted_votes",
    "export_votes",
    "import_votes",
    "imported_digest",
    "judged_shadows",
    "read_votes",
    "spent",
    "votes",
]
