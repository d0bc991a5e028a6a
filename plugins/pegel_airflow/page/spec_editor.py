"""The spec of a model as text that is checked while one types: what is wrong, what changes, what will be judged.

Nothing is changed here: a finished spec is handed to `model_onboard` through Airflow's public API, as the form does.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from markupsafe import Markup, escape

from pegel.errors import InvalidSpec, NotFound
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import LONGEST_SENTENCE, quoted, shown, shown_lines
from pegel.spec.settings import Settings
from pegel.spec.spec_text import LARGEST_BYTES, read_data
from pegel_airflow import form, services
from pegel_airflow.page.parameters import Version
from pegel_airflow.page.render import HEADERS, page

SpecText = Annotated[str, Form(max_length=LARGEST_BYTES)]
NEW = """\
model:
  name: my-model
  version: 1
  uri: file:///path/to/the/fitted/model
baseline:
  source: local://my-training-data
windowing:
  length: 1m
false_alarms: 1 per week
alerts:
  emails: []
"""
"""What an editor without a model begins with."""


def add_spec_routes(app: FastAPI) -> None:
    """Add the editor of watched specs, that of a new one, and what checks them."""
    reading = ["GET", "HEAD"]
    app.add_api_route("/spec", new_spec, methods=reading, response_class=HTMLResponse)
    app.add_api_route("/spec/check", check, methods=["POST"])
    app.add_api_route("/models/{name}/{version}/spec", watched_spec, methods=reading, response_class=HTMLResponse)


def new_spec(request: Request) -> Response:
    """Show the editor with the beginning of a spec."""
    return _editor(request, "A new model", NEW)


def watched_spec(request: Request, name: str, version: Version) -> Response:
    """Show the editor with the spec that is in force; what has its default is left out. Raises NotFound."""
    from pegel.spec.stated_text import stated_text

    spec = services.stores(Settings()).registry.get(name, version)
    if spec is None:
        raise NotFound(f"no monitor for {quoted(monitor_key(name, version))} is registered.")
    return _editor(request, f"{name} v{version}", stated_text(spec), model=f"{name}/{version}")


def _editor(request: Request, title: str, text: str, model: str = "") -> Response:
    # The lines of a text stay lines; everywhere else on a page a line break from outside becomes a blank.
    lines = Markup(escape(shown_lines(text)))  # noqa: S704 - escaped
    return page(request, "spec.html", title=title, text=lines, rows=max(14, text.count("\n") + 4), model=model)


def check(text: SpecText) -> Response:
    """Say what a spec's text means, as JSON; what is wrong with it is an answer, not a failure."""
    return JSONResponse(checked(Settings(), text), headers=HEADERS)


def checked(settings: Settings, text: str) -> dict[str, Any]:
    """Return `problems`, `changes`, `outlook`: lines each; and `answers`, those of the form, or None if it is no spec.

    A problem is its words and the line of the text that it is about, or None. `changes_of`: the fingerprint of the spec
    in force that it was held against, empty for none. `is_changed`: whether it would change anything. Raises
    TemporaryError where the database is away.
    """
    from pegel.reconcile.spec_change import SpecChange
    from pegel.spec.problem_lines import line_of

    try:
        spec = MonitorSpec.parse(read_data(text))
    except InvalidSpec as error:
        problems = [[shown(line, LONGEST_SENTENCE), line_of(line, text)] for line in str(error).splitlines()]
        return {"problems": problems, "changes": [], "outlook": [], "answers": None, "is_changed": False}
    before = services.stores(settings).registry.get(spec.model.name, spec.model.version)
    change = SpecChange(spec, before)
    return {
        "problems": [],
        "changes": change.lines(),
        "outlook": _outlook(settings, spec),
        "answers": form.params_of(spec),
        "changes_of": "" if before is None else before.fingerprint(),
        "is_changed": change.is_new or bool(change.fields),
    }


def _outlook(settings: Settings, spec: MonitorSpec) -> list[list[str]]:
    """Return what will be judged, as pairs of a matter and a sentence: by the baseline in force, where there is one."""
    from pegel.judge.division import Division
    from pegel.judge.layer import Setting
    from pegel.judge.outlook import Outlook, mailed

    baseline = services.stores(settings).baselines.in_force(spec.model.name, spec.model.version)
    if baseline is None:
        division = Division.of(Setting(spec, usual_rows=max(1, spec.expected_rows)))
        line = mailed(spec)
        return [["budget", division.describe()], [line.about, line.words]]
    outlook = Outlook.of(spec, baseline)
    return [*([line.about, line.words] for line in outlook.brief()), ["budget", outlook.division.describe()]]
