"""The gate's table, before and now, with its verdicts by the point estimate."""

from __future__ import annotations

from benchmarks.accuracy.gate.results import KEPT, UNLUCKY, Rate, Results
from benchmarks.accuracy.tables import Page

DOOR_WORDS = {
    "check": "`pegel.check`",
    "stream": "`judge`, charts",
    "attribution": "attributions",
    "adversarial": "probing, combinations",
}


def section(now: Results, before: Results | None) -> str:
    """Return the section."""
    page = Page()
    page.say(
        "All findings of all layers together, in clean windows of a table with 33 columns: normal, lognormal, counts, "
        "mostly zeros, Cauchy, tied, two humps, uniform, three levels, flags of 50, 1 and .1 %, keys (60 to 20,000, "
        "Zipf and flat), free ids, 30 % nulls, a copy, a mirror image, one of four. n: rows of a window, m: of the "
        "baseline. Doors: `pegel.check` at its own budget of one false alarm a week; `judge` window after window with "
        "charts and the rate of outliers, at .05 a window; attributions of an additive model of the numbers, certain "
        "ones, at .05 a window of 200 rows or more; probing and combinations at their part of the budget, where less "
        "than promised is no miss: their bounds are sums over many cells. Each figure is realised over promised false "
        "alarms, the mean over baselines with its standard error. "
        f"Kept: {KEPT[0]:g} to {KEPT[1]:g} by the point estimate, and, where n ≤ m/10, at most {UNLUCKY:.0%} of the "
        "single baselines above twice the promise (counted where enough is promised to each: `judge`)."
    )
    earlier = {} if before is None else {(rate.m, rate.n, rate.door): rate for rate in before.rates}
    heads = (
        "m",
        "n",
        "door",
        "baselines x windows",
        "promised",
        "found",
        *_heads(before),
        "now",
        "windows",
        "above 2x",
        "",
    )
    page.table(
        heads,
        [_row(rate, earlier.get((rate.m, rate.n, rate.door)), before) for rate in now.rates],
    )
    page.say("What the findings were about, in parts of the promise:")
    page.table(("m", "n", "door", *_heads(before), "now"), [_blame(rate, earlier, before) for rate in now.rates])
    _halves(page, now, before)
    missed = [f"m={r.m:,}, n={r.n:,}, {r.door}: {r.ratio:.2f} ± {r.error:.2f}" for r in now.rates if not r.kept]
    page.say("Missed: " + ("; ".join(missed) if missed else "none") + ".")
    return "\n".join(page.lines).rstrip()


def _heads(before: Results | None) -> tuple[str, ...]:
    return () if before is None else ("before",)


def _row(rate: Rate, earlier: Rate | None, before: Results | None) -> tuple[str, ...]:
    then = () if before is None else ("" if earlier is None else _ratio(earlier),)
    verdict = "kept" if rate.kept else "**missed**"
    unlucky = f"{rate.unlucky:.0%}" if rate.bounded else ""
    sizes = (f"{rate.m:,}", f"{rate.n:,}", DOOR_WORDS[rate.door], f"{rate.baselines} x {rate.judged}")
    found = (f"{rate.promised:.0f}", f"{rate.findings}")
    return (*sizes, *found, *then, _ratio(rate), f"{rate.windows:.2f}", unlucky, verdict)


def _ratio(rate: Rate) -> str:
    return f"{rate.ratio:.2f} ± {rate.error:.2f}"


def _blame(rate: Rate, earlier: dict[tuple[int, int, str], Rate], before: Results | None) -> tuple[str, ...]:
    then = earlier.get((rate.m, rate.n, rate.door))
    columns = () if before is None else ("" if then is None else _blamed(then),)
    return (f"{rate.m:,}", f"{rate.n:,}", DOOR_WORDS[rate.door], *columns, _blamed(rate))


def _blamed(rate: Rate) -> str:
    return ", ".join(f"{feature} ({detector}) {part:.2f}" for detector, feature, part in rate.blamed[:4])


def _halves(page: Page, now: Results, before: Results | None) -> None:
    if not now.halves:
        return
    page.say(
        "Random halves, and two thirds against one, of the data sets that installed packages carry, by `pegel.check` "
        "at .05 a table: how many differ."
    )
    earlier = {} if before is None else {one.name: one for one in before.halves}
    rows = []
    for one in now.halves:
        then = earlier.get(one.name)
        columns = () if before is None else ("" if then is None else str(then.differing),)
        sizes = (one.name, f"{one.rows:,}", str(one.columns), str(one.splits), f"{one.promised:.0f}")
        rows.append((*sizes, *columns, str(one.differing), ", ".join(one.blamed)))
    rows.append(_all(now, before))
    page.table(("data set", "rows", "columns", "splits", "promised", *_heads(before), "now", "about"), rows)


def _all(now: Results, before: Results | None) -> tuple[str, ...]:
    differing, promised = now.differing
    then = () if before is None else (str(before.differing[0]),)
    verdict = "kept" if differing <= promised else "**missed**"
    splits = sum(one.splits for one in now.halves)
    return ("all", "", "", str(splits), f"{promised:.0f}", *then, str(differing), verdict)
