"""A refresh of a baseline in words: what moved, which checks failed, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from pegel.judge.refresh.baseline_changes import BaselineChanges, FieldChange, KindOfChange
from pegel.judge.refresh.guard_rails import GuardRail, State
from pegel.judge.refresh.review import RefreshReview
from pegel.report.words import size
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many
from pegel.store.baseline_store import ADDRESS, SHORT, Promotion
from pegel.store.refresh_store import Refresh, RefreshEnd

MOST_FIELDS = 12
"""Fields that are named of each kind of change; the others are counted."""
ENDS = {
    RefreshEnd.PROMOTED: "promoted",
    RefreshEnd.REJECTED: "rejected, the current baseline stays",
    RefreshEnd.TIMED_OUT: "not answered in time, the current baseline stays",
    RefreshEnd.CONFLICT: "not promoted: another baseline was promoted meanwhile",
    RefreshEnd.LEFT: "left, the current baseline stays",
    None: "waits for an answer",
}
_STATES = {State.HELD: "passed", State.BROKEN: "FAILED", State.UNKNOWN: "cannot be told"}
_CHECKS = {
    "rows": "enough rows",
    "fields": "no field is missing",
    "suite": "the training data meets its suite",
    "interval": "the training data is of a calm time",
    "woken": "calm windows stay calm",
    "silenced": "alarming windows still alarm",
}
"""What people read of a guard rail, by its name."""
_TITLES = {
    KindOfChange.LOST: "lost",
    KindOfChange.OTHER: "of another kind",
    KindOfChange.MOVED: "moved",
    KindOfChange.BELOW_MARGIN: "moved by less than the margin",
    KindOfChange.NOT_COMPARED: "not compared",
    KindOfChange.NEW: "new",
}


def short(baseline_id: str | None) -> str:
    """Return so much of a baseline's id as tells it from others; `none` for none."""
    return "none" if baseline_id is None else baseline_id.removeprefix(ADDRESS)[:SHORT]


def headline(review: RefreshReview) -> str:
    """Return in one sentence how many fields moved, of how many rows, and which checks failed."""
    changes = review.changes
    moved = changes.of(KindOfChange.LOST, KindOfChange.OTHER, KindOfChange.MOVED)
    fields = f"{len(moved)} of {how_many(len(changes.fields), 'field')} moved" if moved else "no field moved"
    rows = f"{changes.rows_before:,} rows before, {changes.rows_now:,} now"
    failed = ", ".join(_CHECKS.get(rail.name, rail.name) for rail in review.broken)
    return f"{fields}; {rows}; {f'failed checks: {failed}' if failed else 'no check failed'}"


def change_lines(changes: BaselineChanges) -> list[str]:
    """Return a line for each field that is not as before, the worst kind first, and one for all that are."""
    lines = []
    for kind, title in _TITLES.items():
        chosen = changes.of(kind)
        lines += [f"{title}: {_field(one)}" for one in chosen[:MOST_FIELDS]]
        if more := len(chosen) - MOST_FIELDS:
            lines += [f"{title}: {more:,} more"] if more > 0 else []
    same = changes.of(KindOfChange.SAME)
    return [*lines, *([f"as before: {_names(same)}"] if same else [])]


def rail_lines(rails: Sequence[GuardRail]) -> list[str]:
    """Return a line for each check: whether it passed, what was expected, what was given."""
    return [
        shown(
            f"{_CHECKS.get(rail.name, rail.name)}: {_STATES[rail.state]}; expected {rail.expected}; given {rail.given}",
            LONGEST_SENTENCE,
        )
        for rail in rails
    ]


def review_lines(review: RefreshReview) -> list[str]:
    """Return all that is known of a new baseline, as plain text."""
    return [
        "What moved",
        *(f"  {line}" for line in change_lines(review.changes)),
        "",
        "Checks",
        *(f"  {line}" for line in rail_lines(review.rails)),
    ]


def review_markdown(review: RefreshReview) -> str:
    """Return the same as Markdown, for a question that Airflow shows; nothing in it marks up anything by itself."""
    parts = [f"**{_plain(headline(review))}**", "", "**What moved**", ""]
    parts += [f"- {_plain(line)}" for line in change_lines(review.changes)]
    parts += ["", "**Checks**", ""]
    parts += [f"- {_plain(line)}" for line in rail_lines(review.rails)]
    return "\n".join(parts)


def refresh_line(refresh: Refresh) -> str:
    """Return a refresh as one line of a list."""
    who = f" by {shown(refresh.by, NAME_LIMIT)}" if refresh.by else ""
    why = f": {shown(refresh.why)}" if refresh.why else ""
    end = f"{refresh.ended_at:%Y-%m-%d %H:%M} UTC " if refresh.ended_at else ""
    return f"{short(refresh.baseline_id)}  {end}{ENDS[refresh.end]}{who}{why}"


def promotion_line(promotion: Promotion, *, current: bool) -> str:
    """Return a promotion as one line of a history."""
    at, new, over, by, why, mark = promotion_cells(promotion, current=current)
    place = over if promotion.previous is None else f"in place of {over}"
    return f"{at}  {new}  {place}  by {by}" + (f": {why}" if why else "") + (f"  ({mark})" if mark else "")


def promotion_cells(promotion: Promotion, *, current: bool) -> tuple[str, ...]:
    """Return a promotion as the cells of a table: when, what, in place of what, by whom, why, whether it is current."""
    over = "the first one" if promotion.previous is None else short(promotion.previous)
    at, by = f"{promotion.at:%Y-%m-%d %H:%M} UTC", shown(promotion.by, NAME_LIMIT)
    return (at, short(promotion.baseline_id), over, by, shown(promotion.why), "current" if current else "")


def _field(one: FieldChange) -> str:
    name, what = shown(one.name, NAME_LIMIT), shown(one.what)
    if one.effect is None:
        return f"{name}: {what}"
    return f"{name}: {what}, {size(one.effect, one.effect_unit, {'effect': one.numbers}, one.unit)}"


def _names(fields: Sequence[FieldChange]) -> str:
    named = ", ".join(shown(one.name, NAME_LIMIT) for one in fields[:MOST_FIELDS])
    more = len(fields) - MOST_FIELDS
    return f"{named} and {more:,} more" if more > 0 else named


def _plain(text: str) -> str:
    """Return text in which Markdown sees nothing but letters."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>()#+!|~&$^" else letter for letter in text)
