"""The story of a model as HTML for a notebook: a row per day, and below it what its tables are called."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from pegel.judge.findings import ALARMING, Verdict
from pegel.past.story import Story, StoryDay
from pegel.past.story_words import DayCells, day_cells, day_lines, nothing_known, told_below
from pegel.report.html import environment, stylesheet

_LEVELS = {Verdict.BELOW_MARGIN: "warn", Verdict.OK: "ok"}


def story_html(story: Story, units: Mapping[str, str | None]) -> str:
    """Return the story as a piece of a page, with its style."""
    template = environment().get_template("story.html.j2")
    css = Markup(stylesheet())  # noqa: S704  our own file
    return template.render(
        story=story, days=told_days(story, units), below=told_below(story), unknown=nothing_known(story), css=css
    )


def told_days(story: Story, units: Mapping[str, str | None]) -> list[tuple[DayCells, str, list[str]]]:
    """Return each day as a template shows it: its cells, how its worst verdict is marked, and the lines about it."""
    return [(day_cells(day), _level(day), list(day_lines(day, units))) for day in story.days]


def _level(day: StoryDay) -> str:
    """Return how the worst verdict of a day is marked."""
    if ALARMING & day.windows.keys():
        return "bad"
    return next((level for verdict, level in _LEVELS.items() if verdict in day.windows), "idle")
