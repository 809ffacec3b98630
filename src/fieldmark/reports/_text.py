"""The card and verdicts in words, for the terminal and for files."""

from __future__ import annotations

from collections.abc import Iterator

import rfc8785

from fieldmark.arena.views import Verdict
from fieldmark.reports._scorecards import scorecard_lines
from fieldmark.reports._work_text import work_lines
from fieldmark.reports.card import Card, OtherVotes, Unknown

_FAILURES = {
    "unreachable": "could not be reached",
    "refused": "refused",
    "timeout": "gave no word in time",
    "garbage": "sent something that is no answer",
    "cut_off": "broke off",
    "empty": "said nothing",
    "too_long": "found the conversation too long",
    "crashed": "crashed",
    "over_budget": "was over its spend cap",
    "interrupted": "was interrupted by a restart",
    "unsupported": "cannot do what was asked",
}
_UNMET = "they have not met; by their votes against others"


def card_json(card: Card) -> str:
    """Canonical JSON (RFC 8785): the same head gives the same bytes."""
    return rfc8785.dumps(card.model_dump(mode="json")).decode()


def verdict_sentence(v: Verdict) -> str:
    """One verdict as a sentence about `a`."""
    votes = f"{v.votes} vote{'' if v.votes == 1 else 's'} between them"
    match v.kind:
        case "better" | "worse":
            assert v.difference is not None
            low, high = sorted((abs(v.difference.lower), abs(v.difference.upper)))
            word = "stronger" if v.kind == "better" else "weaker"
            how = votes if v.votes else _UNMET
            said = f"{v.a_name} is {word} than {v.b_name} by {low:.0f} to {high:.0f} points ({how})"
        case "undecided":
            how = f"with {votes}" if v.votes else f"({_UNMET})"
            said = f"{v.a_name} and {v.b_name} cannot be told apart {how}"
            if v.votes_to_decide:
                said += f"; about {v.votes_to_decide:,} more votes on this board would decide"
        case "no_rating":
            said = (
                f"{v.a_name} against {v.b_name}: {v.wins_a} won, {v.wins_b} lost, {v.ties} equal, "
                f"{v.both_bad} both bad; these votes do not determine a rating difference"
            )
        case _:
            return f"{v.a_name} has not met {v.b_name}."
    if v.cheaper:
        said += f"; {v.a_name if v.cheaper > 0 else v.b_name} costs {_saving(v.cheaper):.0%} less"
    return said + "."


def _saving(cheaper: float) -> float:
    return cheaper if cheaper > 0 else 1 - 1 / (1 - cheaper)


def card_text(card: Card) -> str:
    """The whole card as plain text of at most 100 columns where names allow."""
    blocks = [
        _title(card),
        "\n".join(_people(card)),
        "\n".join(work_lines(card)),
        "\n".join(scorecard_lines(card)),
        "\n".join(_answers(card)),
        "\n".join(_unknown(card)),
        _foot(card),
    ]
    return "\n\n".join(blocks) + "\n"


def _title(card: Card) -> str:
    lines = [f"Reliability card · {card.field_name}", card.name, f"{card.kind} · identity {card.digest}"]
    sampler = card.parts.get("sampler") or {}
    if sampler:
        lines.append("sampler " + ", ".join(f"{k} {v}" for k, v in sorted(sampler.items())))
    if card.system:
        lines.append("system prompt: " + " ".join(card.system.split()))
    if card.status != "active":
        lines.append(f"status: {card.status}")
    return "\n".join(lines)


def _people(card: Card) -> Iterator[str]:
    p = card.people
    yield "PEOPLE"
    if not p.votes:
        yield "  No votes yet."
        yield from map(_other_votes, card.strata)
        return
    if p.rating is not None and p.lower is not None and p.upper is not None:
        rank = f"{p.rank_best}" if p.rank_best == p.rank_worst else f"{p.rank_best} to {p.rank_worst}"
        yield f"  Rating {p.rating:.0f} ({p.lower:.0f} to {p.upper:.0f}), rank {rank} of {p.contenders}."
    else:
        yield "  No rating yet."
    counts = (
        f"  {p.votes} counted votes: {p.wins} won, {p.losses} lost, {p.ties} equal, {p.both_bad} both bad."
    )
    yield counts + f" Board of {p.browsers} browser{'' if p.browsers == 1 else 's'}."
    if p.rating is None and p.win_share:
        share = p.win_share
        yield f"  Preferred in {share.value:.0%} of decided votes ({share.lower:.0%} to {share.upper:.0%}, exact)."
    yield from (f"  {verdict_sentence(v)}" for v in p.rivals)
    for line in p.categories:
        rating = (
            f", rating {line.rating:.0f} ({line.lower:.0f} to {line.upper:.0f})"
            if line.rating is not None
            else ""
        )
        yield f"  {line.name}: {line.votes} votes{rating}"
    yield from map(_other_votes, card.strata)


def _other_votes(votes: OtherVotes) -> str:
    where = {"shadow": "On shadowed real cases", "imported": "Imported"}.get(votes.stratum, votes.stratum)
    said = (
        f"  {where}, not in the rating: {votes.votes} votes, {votes.wins} won, {votes.losses} lost, "
        f"{votes.ties} equal, {votes.both_bad} both bad"
    )
    if votes.rating is not None:
        said += f"; rating there {votes.rating:.0f} ({votes.lower:.0f} to {votes.upper:.0f})"
    return said + "."


def _answers(card: Card) -> Iterator[str]:
    f, latency = card.failures, card.latency
    yield "ANSWERS"
    if not f.answers or f.share is None:
        yield "  None yet."
        return
    share = f"{f.share.value:.1%} ({f.share.lower:.1%} to {f.share.upper:.1%}, exact)"
    yield f"  {f.answers} answers, {f.failed} failed: {share}."
    if f.excused:
        yield f"  {sum(f.excused.values())} more ended through no fault of its own and are left out."
    yield from (
        f"    {n} {_FAILURES.get(kind, kind)}" for kind, n in sorted(f.kinds.items(), key=lambda x: -x[1])
    )
    if f.leaks:
        yield f"  {f.leaks} named their author."
    if latency.ms_to_first_p50 is not None and latency.ms_to_first_p95 is not None:
        half, most = _seconds(latency.ms_to_first_p50), _seconds(latency.ms_to_first_p95)
        yield f"  First text after {half} (median), {most} (95%)."
    if latency.ms_p50 is not None and latency.ms_p95 is not None:
        yield f"  Complete after {_seconds(latency.ms_p50)} (median), {_seconds(latency.ms_p95)} (95%)."
    if latency.tokens_per_second is not None:
        yield f"  {latency.tokens_per_second:.0f} tokens a second."
    if card.cost:
        yield f"  {card.cost.per_answer:.6f} per answer, {card.cost.total:.4f} in all."


def _seconds(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def _unknown(card: Card) -> Iterator[str]:
    yield "NOT KNOWN"
    yield from (f"  {_unknown_sentence(u)}" for u in card.unknown)


def _unknown_sentence(u: Unknown) -> str:
    return {
        "no_answers": "Whether it answers at all: it was never asked.",
        "no_votes": "What people prefer: no counted vote yet.",
        "no_rating": f"Its rating: {u.n} votes do not determine one yet.",
        "few_browsers": f"Whether others would judge alike: only {u.n} browser{'' if u.n == 1 else 's'} voted.",
        "category_without_votes": f"{u.what}: no vote.",
        "category_few_votes": f"{u.what}: {u.n} votes, too few for a rating.",
        "rival_not_met": f"Against {u.what}: never compared.",
        "rival_undecided": f"Whether it is better than {u.what}: the votes so far do not say ({u.n} between them).",
        "outcomes": f"Outcomes: what became of its {u.n} real cases was not reported."
        if u.n
        else "Outcomes: what became of its answers in real cases is not recorded yet.",
        "tests": f"Tests: {u.n} trial{'' if u.n == 1 else 's'} on scorecards, all void: nothing was found out."
        if u.n
        else "Tests: no scorecard was run.",
        "inside": "Inside: why it answers as it does was not examined.",
        "no_price": "Cost: it has no price in field.toml.",
    }[u.kind]


def _foot(card: Card) -> str:
    size = card.head.split(":")[0]
    return f"Computed from {size} records at ledger head {card.head}.\nRecompute: {card.recompute}"
