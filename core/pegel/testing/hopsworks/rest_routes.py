"""Which request of Hopsworks' REST API is answered with what. Paths begin behind `/hopsworks-api/api`."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pegel.testing.hopsworks.contents import PROJECT_ID, STORE_ID, Contents, Json

NO_GROUP, NO_VIEW, NO_STATISTICS, NO_DATASET = 270009, 270181, 270228, 270012
NO_PROJECT, NO_MODEL, NO_DEPLOYMENT, NO_SUITE = 150004, 360000, 240000, 270201
GROUP_EXISTS = 270089
NO_EXPECTATION, NO_KEY, TOO_LONG, REPORT_EXISTS = 270230, 270213, 270212, 270215
LONGEST_META, LONGEST_REPORT_META, LONGEST_KWARGS = 1_000, 2_000, 5_000
"""Letters that Hopsworks takes of what expectations, results and reports say of themselves."""
BAD_KEY = 320001
VERSION = "5.2.1"
STORE = f"/project/{PROJECT_ID}/featurestores/{STORE_ID}"
PROJECT = f"/project/{PROJECT_ID}"
ONLINE = "/0.1.0"
"""Before what is asked of the online store: its version of the API."""
USER = {"username": "meb10000", "email": "reader@example.org", "firstname": "A", "lastname": "Reader", "uid": 10000}


@dataclass(frozen=True, slots=True)
class RestRequest:
    """One request: the parts of its path that a route names, its query by name, and what it carries."""

    path: str
    parts: tuple[str, ...] = ()
    query: dict[str, list[str]] = field(default_factory=dict)
    body: Any = None

    def asked(self, name: str) -> str:
        """Return a parameter of the query; empty where there is none."""
        return self.query.get(name, [""])[0]


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered: a status, and what is sent as JSON; None is an empty body."""

    status: int
    data: Any = None


Answer = Callable[[Contents, RestRequest], Reply]
_ROUTES: list[tuple[str, re.Pattern[str], Answer]] = []


def _route(method: str, path: str) -> Callable[[Answer], Answer]:
    def keep(answer: Answer) -> Answer:
        _ROUTES.append((method, re.compile(path), answer))
        return answer

    return keep


def answer(contents: Contents, method: str, path: str, query: dict[str, list[str]], body: Any) -> Reply:
    """Answer one request; what nobody has a route for is a 404 without a code of Hopsworks."""
    for wanted, pattern, answers in _ROUTES:
        match = pattern.fullmatch(path)
        if wanted == method and match is not None:
            return answers(contents, RestRequest(path, match.groups(), query, body))
    return Reply(404, {"errorMsg": f"no route for {method} {path}"})


def refused(status: int, code: int, message: str) -> Reply:
    """Return an error as Hopsworks says it."""
    return Reply(status, {"errorCode": code, "errorMsg": message, "usrMsg": ""})


def _listed(items: list[Json]) -> Reply:
    return Reply(200, {"count": len(items), "items": items})


@_route("GET", "/variables/versions")
def _versions(_: Contents, __: RestRequest) -> Reply:
    return Reply(200, [{"software": "hopsworks", "version": VERSION}])


@_route("GET", "/variables/([a-z_]+)")
def _variable(contents: Contents, request: RestRequest) -> Reply:
    return Reply(200, {"successMessage": contents.variables.get(request.parts[0], "")})


@_route("GET", "/project/getProjectInfo/([^/]+)")
def _project_info(contents: Contents, request: RestRequest) -> Reply:
    if request.parts[0] != contents.project:
        return refused(404, NO_PROJECT, "Project wasn't found.")
    named = {"projectId": PROJECT_ID, "projectName": contents.project, "owner": "reader@example.org"}
    return Reply(200, {**named, "created": "2026-11-01T00:00:00.000Z", "description": ""})


@_route("GET", "/project")
def _projects(contents: Contents, _: RestRequest) -> Reply:
    return Reply(200, [{"project": {"name": contents.project, "id": PROJECT_ID, "owner": USER}, "user": USER}])


@_route("GET", f"{PROJECT}/credentials")
def _credentials(contents: Contents, __: RestRequest) -> Reply:
    store = base64.b64encode(b"a store of a test").decode()
    chain = {"caChain": contents.ca_chain, "clientCert": "a certificate", "clientKey": "a key"}
    return Reply(200, {"kStore": store, "tStore": store, "fileExtension": "jks", "password": "changeit", **chain})


@_route("GET", f"{PROJECT}/featurestores/([^/]+)")
def _feature_store(contents: Contents, request: RestRequest) -> Reply:
    name = f"{contents.project}_featurestore"
    if request.parts[0] != name:
        return refused(404, 270020, "Featurestore was not found.")
    ids = {"featurestoreId": STORE_ID, "projectId": PROJECT_ID, "projectName": contents.project}
    counts = {"numFeatureGroups": 0, "numTrainingDatasets": 0, "numStorageConnectors": 1, "numFeatureViews": 0}
    return Reply(
        200,
        {
            **ids,
            **counts,
            "featurestoreName": name,
            "offlineFeaturestoreName": name,
            "created": "2026-11-01",
            "onlineEnabled": False,
        },
    )


@_route("GET", f"{STORE}/featuregroups/([a-zA-Z_][a-zA-Z0-9_]*)")
def _feature_group(contents: Contents, request: RestRequest) -> Reply:
    version = request.asked("version")
    groups = [
        group
        for group in contents.feature_groups
        if group["name"] == request.parts[0] and version in ("", str(group["version"]))
    ]
    return Reply(200, groups) if groups else refused(404, NO_GROUP, "Featuregroup wasn't found.")


@_route("POST", f"{STORE}/featuregroups")
def _new_feature_group(contents: Contents, request: RestRequest) -> Reply:
    wanted = (request.body["name"], request.body["version"])
    if wanted in [(group["name"], group["version"]) for group in contents.feature_groups]:
        return refused(400, GROUP_EXISTS, "The feature group you provided already exists.")
    return Reply(201, contents.create_feature_group(request.body))


@_route("GET", f"{STORE}/featuregroups/([0-9]+)/expectationsuite")
def _suite(contents: Contents, request: RestRequest) -> Reply:
    suite = contents.suites.get(int(request.parts[0]))
    return Reply(200, {"count": 0} if suite is None else suite)


@_route("POST", f"{STORE}/featuregroups/([0-9]+)/expectationsuite")
def _new_suite(contents: Contents, request: RestRequest) -> Reply:
    group = int(request.parts[0])
    suite = {**request.body, "id": 61 + group, "featureStoreId": STORE_ID, "featureGroupId": group}
    given, suite["expectations"] = suite.get("expectations", []), []
    contents.suites[group] = suite
    for each in given:
        contents.add_expectation(group, each)
    return Reply(201, suite)


@_route("GET", f"{STORE}/featuregroups/([0-9]+)/expectationsuite/[0-9]+/expectations")
def _expectations(contents: Contents, request: RestRequest) -> Reply:
    return _listed(contents.suites[int(request.parts[0])]["expectations"])


@_route("POST", f"{STORE}/featuregroups/([0-9]+)/expectationsuite/[0-9]+/expectations")
def _new_expectation(contents: Contents, request: RestRequest) -> Reply:
    if len(request.body["meta"]) > LONGEST_META or len(request.body["kwargs"]) > LONGEST_KWARGS:
        return refused(400, TOO_LONG, "Input field exceeds the max allowed character length.")
    return Reply(201, contents.add_expectation(int(request.parts[0]), request.body))


@_route("PUT", f"{STORE}/featuregroups/([0-9]+)/expectationsuite/[0-9]+/expectations/([0-9]+)")
def _other_arguments(contents: Contents, request: RestRequest) -> Reply:
    for each in contents.suites[int(request.parts[0])]["expectations"]:
        if each["id"] == int(request.parts[1]) and each["expectationType"] == request.body["expectationType"]:
            each |= {name: request.body[name] for name in ("kwargs", "meta")}
            return Reply(200, each)
    return refused(404, NO_EXPECTATION, "Expectation wasn't found.")


@_route("PUT", f"{STORE}/featuregroups/([0-9]+)/validationreport")
def _report(contents: Contents, request: RestRequest) -> Reply:
    """Keep a report: each result is one of an expectation of the group's suite, and each second has one report."""
    group, sent = int(request.parts[0]), request.body
    known = {each["id"] for each in contents.suites.get(group, {}).get("expectations", [])}
    for result in sent["results"]:
        number = json.loads(result["expectationConfig"])["meta"].get("expectationId")
        if number is None:
            return refused(400, NO_KEY, "Validation result expectation config meta does not contain expectationId.")
        if number not in known:
            return refused(404, NO_EXPECTATION, "Expectation wasn't found.")
        if len(result["result"]) > LONGEST_META:
            return refused(400, TOO_LONG, "Input field exceeds the max allowed character length.")
    if len(sent["meta"]) > LONGEST_REPORT_META or len(sent["statistics"]) > LONGEST_META:
        return refused(400, TOO_LONG, "Input field exceeds the max allowed character length.")
    said = json.loads(sent["meta"]).get("validation_time", "20260101T000000.000000Z")
    at = datetime.strptime(said[:-8], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    reports = contents.reports.setdefault(group, [])
    if at.timestamp() * 1000 in [each["validationTime"] for each in reports]:
        return refused(500, REPORT_EXISTS, f"Validation report with file name {at:%Y-%m-%dT%H%M%S} already exists.")
    report = {**sent, "id": 81 + len(reports), "validationTime": int(at.timestamp() * 1000)}
    reports.append(report)
    return Reply(200, report)


@_route("GET", f"{STORE}/featuregroups/([0-9]+)/validationreport")
def _reports(contents: Contents, request: RestRequest) -> Reply:
    after = int(request.asked("filter_by").removeprefix("validation_time_gt:") or 0)
    known = [each for each in contents.reports.get(int(request.parts[0]), []) if each["validationTime"] > after]
    known.sort(key=lambda each: each["validationTime"], reverse=True)
    offset, limit = int(request.asked("offset") or 0), int(request.asked("limit") or len(known))
    return Reply(200, {"count": len(known), "items": known[offset : offset + limit]})


@_route("POST", f"{STORE}/featuregroups/[0-9]+/commits")
def _commit(contents: Contents, request: RestRequest) -> Reply:
    commits = contents.posted.setdefault("commits", [])
    commits.append(request.body)
    return Reply(200, {**request.body, "commitID": len(commits), "href": request.path})


@_route("GET", f"{STORE}/featureview/([^/]+)/version/([0-9]+)")
def _feature_view(contents: Contents, request: RestRequest) -> Reply:
    for view in contents.feature_views:
        if (view["name"], str(view["version"])) == request.parts:
            return Reply(200, view)
    return refused(404, NO_VIEW, "Feature view wasn't found.")


@_route("GET", f"{STORE}/featureview/([^/]+)/version/([0-9]+)/trainingdatasets")
def _training_datasets(contents: Contents, request: RestRequest) -> Reply:
    return _listed(contents.training_datasets.get((request.parts[0], int(request.parts[1])), []))


@_route("GET", f"{STORE}/featureview/([^/]+)/version/([0-9]+)/trainingdatasets/version/([0-9]+)")
def _training_dataset(contents: Contents, request: RestRequest) -> Reply:
    name, view, version = request.parts
    for dataset in contents.training_datasets.get((name, int(view)), []):
        if dataset["version"] == int(version):
            return Reply(200, dataset)
    return refused(404, NO_DATASET, "Training dataset wasn't found.")


@_route("GET", f"{STORE}/(.+)/statistics")
def _statistics(contents: Contents, request: RestRequest) -> Reply:
    known = contents.statistics.get(request.parts[0], [])
    return _listed(known[-1:]) if known else refused(404, NO_STATISTICS, "Statistics wasn't found.")


@_route("POST", f"{STORE}/(.+)/statistics")
def _new_statistics(contents: Contents, request: RestRequest) -> Reply:
    contents.add_statistics(request.parts[0], request.body)
    return _listed([request.body])


@_route("POST", f"{STORE}/.+/featuremonitoring/config")
def _monitoring(contents: Contents, request: RestRequest) -> Reply:
    contents.posted.setdefault("featuremonitoring", []).append(request.body)
    return Reply(201, {**request.body, "id": 91})


@_route("GET", f"{STORE}/.+/featuremonitoring/config/entity")
def _monitored(contents: Contents, _: RestRequest) -> Reply:
    return _listed([{**each, "id": 91} for each in contents.posted.get("featuremonitoring", [])])


@_route("POST", f"{STORE}/.+/alerts")
def _alert(contents: Contents, request: RestRequest) -> Reply:
    contents.posted.setdefault("alerts", []).append(request.body)
    return _listed([{**request.body, "id": 95, "alertType": "PROJECT_ALERT"}])


@_route("GET", f"{STORE}/featureview/([^/]+)/version/([0-9]+)/query/batch")
def _batch_query(contents: Contents, request: RestRequest) -> Reply:
    view = _feature_view(contents, request)
    return Reply(200, view.data["query"]) if view.status == 200 else view  # noqa: PLR2004  the status of an answer


@_route("PUT", f"{PROJECT}/featurestores/query")
def _query_text(_: Contents, request: RestRequest) -> Reply:
    return Reply(
        200,
        {
            "query": f"a query of {request.body['leftFeatureGroup']['name']}",
            "onDemandFeatureGroups": [],
            "hudiCachedFeatureGroups": [],
        },
    )


@_route("GET", f"{STORE}/featureview/([^/]+)/version/([0-9]+)/provenance/links")
def _links(contents: Contents, request: RestRequest) -> Reply:
    view = _feature_view(contents, request)
    if view.status != 200:  # noqa: PLR2004  the status of an answer
        return view
    group = view.data["query"]["leftFeatureGroup"]
    node = {"artifactType": "FEATURE_GROUP", "accessible": True, "deleted": False, "artifact": group}
    return Reply(200, {"upstream": [{"node": node}], "downstream": []})


@_route("GET", f"{ONLINE}/ping")
def _ping(_: Contents, __: RestRequest) -> Reply:
    return Reply(200, {})


@_route("POST", f"{ONLINE}/batch_feature_store")
def _vectors(contents: Contents, request: RestRequest) -> Reply:
    """Answer as the REST server of RonDB does: a row for each entry, of an unknown one its keys alone."""
    wanted = (request.body["featureViewName"], request.body["featureViewVersion"])
    views = [view for view in contents.feature_views if (view["name"], view["version"]) == wanted]
    if not views:
        return Reply(400, {"code": 4, "message": "Feature view does not exist.", "reason": ""})
    columns = [each["name"] for each in views[0]["features"] if not each["label"]]
    keys = [each["featureName"] for each in views[0]["servingKeys"]]
    rows = {tuple(row[key] for key in keys): row for row in contents.online.get(wanted, [])}
    found = [rows.get(tuple(entry[key] for key in keys)) for entry in request.body["entries"]]
    features = [
        [(entry if row is None else row).get(name) for name in columns]
        for entry, row in zip(request.body["entries"], found, strict=True)
    ]
    return Reply(200, {"features": features, "status": ["MISSING" if row is None else "COMPLETE" for row in found]})


@_route("GET", f"{PROJECT}/dataset/([^/]+)")
def _dataset(contents: Contents, request: RestRequest) -> Reply:
    path = f"/Projects/{contents.project}/{request.parts[0]}"
    return Reply(200, {"attributes": {"path": path, "dir": True}, "name": request.parts[0]})


@_route("GET", f"{PROJECT}/modelregistries/[0-9]+/models/([^/]+)")
def _model(contents: Contents, request: RestRequest) -> Reply:
    for model in contents.models:
        if model["id"] == request.parts[0]:
            return Reply(200, model)
    return refused(404, NO_MODEL, "Model not found.")


@_route("GET", f"{PROJECT}/serving")
def _deployments(contents: Contents, request: RestRequest) -> Reply:
    name = request.asked("name")
    if not name:
        return Reply(200, contents.deployments)
    for deployment in contents.deployments:
        if deployment["name"] == name:
            return Reply(200, deployment)
    return refused(404, NO_DEPLOYMENT, "Serving instance not found.")


@_route("GET", f"{PROJECT}/kafka/topics")
def _topics(contents: Contents, _: RestRequest) -> Reply:
    return _listed(contents.topics)


@_route("GET", f"{PROJECT}/kafka/clusterinfo")
def _cluster(_: Contents, __: RestRequest) -> Reply:
    return Reply(200, {"brokers": ["EXTERNAL://broker.example.org:9092"]})


@_route("GET", f"{PROJECT}/kafka/subjects/([^/]+)/versions")
def _schemas(contents: Contents, request: RestRequest) -> Reply:
    known = contents.subjects.get(request.parts[0], [])
    return Reply(200, [each["version"] for each in known]) if known else refused(404, 190014, "Schema not found.")


@_route("GET", f"{PROJECT}/kafka/subjects/([^/]+)/versions/([0-9]+)")
def _schema(contents: Contents, request: RestRequest) -> Reply:
    for schema in contents.subjects.get(request.parts[0], []):
        if str(schema["version"]) == request.parts[1]:
            return Reply(200, {"subject": request.parts[0], **schema})
    return refused(404, 190014, "Schema not found.")
