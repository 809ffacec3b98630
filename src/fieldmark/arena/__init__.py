"""The arena: people compare two contenders blind, and a vote moves the leaderboard."""

from fieldmark.arena._arena import Arena
from fieldmark.arena._boards import Boards, Standings
from fieldmark.arena._projection import ArenaProjection
from fieldmark.arena._records import AnswerRecord, CountedVote, answer_record, counted_votes, spent, votes
from fieldmark.arena._standing import Standing
from fieldmark.arena._votefile import VoteFile, read_votes

__all__ = [
    "AnswerRecord",
    "Arena",
    "ArenaProjection",
    "Boards",
    "CountedVote",
    "Standing",
    "Standings",
    "VoteFile",
    "answer_record",
    "counted_votes",
    "read_votes",
    "spent",
    "votes",
]
