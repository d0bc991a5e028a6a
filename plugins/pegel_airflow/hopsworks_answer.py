"""Whether a Hopsworks takes an API key: one question over HTTPS, in words for whoever presses a button.

Its client is not in Airflow's environment, and is not needed for this: where it is and who asks is all that a
connection says, and one answer tells whether both are right.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

from pegel.data.server_answers import NoAnswer, ServerAnswer, exchange, json_of
from pegel.spec.outside_text import shown

_PREFIX = "/hopsworks-api/api"
_ANY, _ONE = f"{_PREFIX}/project", f"{_PREFIX}/project/getProjectInfo"
"""The projects of whoever asks, and one of them by its name."""


def answer_of(address: str, key: str, project: str = "", trusted: str = "") -> tuple[bool, str]:
    """Ask the Hopsworks at `address` (host, or host:port) for a project, or for those of the key's owner.

    `trusted`: certificates to trust in place of the machine's, PEM. Returns whether it may be used, and one sentence,
    in which the key is not.
    """
    where = f"Hopsworks at {shown(address)}"
    if not (key.isascii() and key.isprintable()):
        # What else is wrong with it would be told with a part of it.
        return False, "The API key is none: it has letters that no key has."
    asked = f"https://{address}{f'{_ONE}/{quote(project, safe=str())}' if project else _ANY}"
    answer = exchange("GET", asked, headers={"authorization": f"ApiKey {key}"}, trusted=trusted)
    if isinstance(answer, NoAnswer):
        return False, f"{where} cannot be asked: {answer.words}."
    return _in_words(answer, where, project)


def _in_words(answer: ServerAnswer, where: str, project: str) -> tuple[bool, str]:
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return False, f"{where} does not accept the API key."
    if answer.status == HTTPStatus.FORBIDDEN:
        return False, f"{where} does not let the API key see its projects: it lacks the scope `project`."
    if answer.status == HTTPStatus.NOT_FOUND and project and isinstance(json_of(answer.body), dict):
        return False, f"{where} accepts the API key and shows its owner no project {shown(project)}."
    content = json_of(answer.body)
    if answer.status != HTTPStatus.OK or content is None:
        kind = "answers" if answer.status != HTTPStatus.OK else "answers without JSON, as no Hopsworks does:"
        return False, f"What is at {where.removeprefix('Hopsworks at ')} {kind} {answer.status}."
    if project:
        return True, f"{where} accepts the API key and has the project {shown(project)}."
    return True, f"{where} accepts the API key; name a project for results to be written to."
