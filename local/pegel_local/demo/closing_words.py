"""What the demonstration ends with: the mail, the report, the latencies, and where to go next."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from pegel_local.demo.latencies import table
from pegel_local.demo.stage import Demo

EXAMPLE = (
    "curl -s {address}/v1/models/{endpoint}:predict -H 'Content-Type: application/json' \\\n"
    '  -d \'{{"instances": [{{"airline": "WN", "departure_delay": -3, '
    '"taxi_out": 12, "distance": 447, "day_of_week": 2}}]}}\''
)
"""One flight as a client sends it, to be sent by a person; the README shows it, too."""


def tell(demo: Demo, console: Console) -> None:
    """Print everything that has been observed."""
    mail, mails = demo.facts["mail"], len(list(demo.stack.home.folder("mail").glob("*.eml")))
    title = f"the first of {mails} mails" if mails > 1 else "the mail"
    console.print()
    console.print(Panel(escape(f"Subject: {mail['subject']}\n\n{mail['text']}"), title=title, title_align="left"))
    console.print(f"report  {demo.facts['report']}\n", soft_wrap=True)
    console.print(_latencies(demo))
    console.print(escape(_made(demo)), soft_wrap=True)
    console.print(escape(_next(demo)), soft_wrap=True)


def _latencies(demo: Demo) -> Table:
    shown = Table(box=None, pad_edge=False, title="measured", title_justify="left")
    for heading in ("latency", "measured", "floor", "because"):
        shown.add_column(heading)
    for row in table(demo.facts, demo.spec.windowing):
        shown.add_row(row.what, row.measured, row.floor, row.because)
    return shown


def _made(demo: Demo) -> str:
    """Return what was made for the model, and what is left of it; nothing while the model is watched."""
    seen = demo.facts.get("made_for_models")
    if seen is None:
        return ""
    lines = "".join(f"\n  {name}" for name in seen["before"])
    return f"\nmade for the model{lines}\nleft of it: {', '.join(seen['left']) or 'nothing'}"


def _next(demo: Demo) -> str:
    if not demo.keep:
        return (
            "\nyour own model        docs/your-model.md"
            f"\nlook at the pages     {demo.target} KEEP=1"
            "\nhow it is made        docs/architecture.md"
        )
    state = demo.stack.file.read()
    known = state.addresses if state else {}
    further = demo.parts.further_commands() if demo.parts else {}
    return (
        f"\n{EXAMPLE.format(address=demo.facts['endpoint_url'], endpoint=demo.spec.endpoint)}\n"
        f"\nAirflow    {known['airflow']}   user {known['user']}, password {known['password']}"
        f"\npage       {known['page']}/models/{demo.spec.key}"
        f"\nmail box   {known['mail']}"
        f"\nstatus     pegel status, after"
        f"\n           export PEGEL_HOME={demo.home} PATH={demo.checkout.root / '.venvs' / 'serving' / 'bin'}:$PATH"
        + "".join(f"\n{name:<10} {command}" for name, command in further.items())
        + "\nstop it    make down"
    )
