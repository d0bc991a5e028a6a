"""Models are loaded from allowed places only, however their address is written and wherever links lead."""

from __future__ import annotations

from pathlib import Path

import pytest

from pegel.errors import InvalidSpec
from pegel.spec.model_roots import is_below, local_folder, refuse_model_outside, refuse_models_outside
from pegel.spec.monitor_spec import Model, MonitorSpec
from pegel.spec.settings import Settings


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make an allowed folder with a model, a forbidden one beside it, and links from the one into the other."""
    for folder in ("allowed/delays", "allowed-too", "forbidden/evil", "allowed/by file"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "model.joblib").write_bytes(b"")
    (tmp_path / "allowed" / "by-link").symlink_to(tmp_path / "forbidden" / "evil")
    (tmp_path / "allowed" / "within").symlink_to(tmp_path / "allowed" / "delays")
    (tmp_path / "allowed" / "by file" / "metadata.json").symlink_to(tmp_path / "forbidden" / "evil" / "model.joblib")
    (tmp_path / "allowed" / "round").symlink_to(tmp_path / "allowed" / "round")
    (tmp_path / "allowed" / "with a loop").mkdir()
    (tmp_path / "allowed" / "with a loop" / "round").symlink_to(tmp_path / "allowed" / "round")
    (tmp_path / "root-by-link").symlink_to(tmp_path / "allowed")
    return tmp_path


def refused(uri: str, *roots: str) -> bool:
    """Say whether a place is below none of the roots."""
    return not is_below(uri, roots)


@pytest.mark.parametrize(
    "uri",
    [
        "TREE/allowed/delays",
        "file:TREE/allowed/delays",
        "file://TREE/allowed/delays",
        "file://localhostTREE/allowed/delays/",
        "TREE/allowed/within",
        "TREE/forbidden/../allowed/delays",
        "file://TREE/%61llowed/delays",
        "TREE/root-by-link/delays",
    ],
)
def test_a_model_below_a_root_is_allowed(tree: Path, uri: str) -> None:
    """Plain paths, file addresses, escapes and links that end below the root are the same place."""
    uri = uri.replace("TREE", str(tree))

    assert [False, False] == [refused(uri, f"{tree}/{root}") for root in ("allowed", "root-by-link")]


@pytest.mark.parametrize(
    "uri",
    [
        "TREE/forbidden/evil",
        "TREE/allowed/../forbidden/evil",
        "file://TREE/allowed/%2e%2e/forbidden/evil",
        "file://TREE/allowed/..%2fforbidden/evil",
        "TREE/allowed/by-link",
        "TREE/allowed/by file",
        "TREE/allowed/round",
        "TREE/allowed/with a loop",
        "TREE/allowed/\0/delays",
        "TREE/allowed-too",
        "TREE/allowed",
        "file://elsewhereTREE/allowed/delays",
        "file://TREE/allowed/delays?x=1",
        "file://TREE/allowed/delays#x",
        "FILE://TREE/forbidden/evil",
        "file://TREE/allowed/%00/delays",
        "TREE",
        "/",
        "..",
        "s3://bucket/models",
        "file://[::1",
        "",
    ],
)
def test_a_model_that_is_elsewhere_in_truth_is_refused(tree: Path, uri: str) -> None:
    """Neither dots, escapes, links of folders or files, other hosts nor a name that merely begins alike get through."""
    assert refused(uri.replace("TREE", str(tree)), f"{tree}/allowed")


@pytest.mark.parametrize(
    ("uri", "refusal"),
    [
        ("s3://bucket/models/delays", False),
        ("s3://bucket/models/", False),
        ("s3://bucket/models-too/delays", True),
        ("s3://bucket/models/../secret", True),
        ("s3://bucket/models/%2e%2e/secret", True),
        ("s3://other/models/delays", True),
        ("gs://bucket/models/delays", True),
        ("/models/delays", True),
    ],
)
def test_an_address_is_compared_as_it_is_written(uri: str, refusal: bool) -> None:
    """Addresses of object stores begin with an allowed one, and hold nothing that could lead out of it."""
    assert refusal is refused(uri, "s3://bucket/models")


def test_without_roots_every_place_is_allowed_and_with_an_empty_list_none() -> None:
    """No setting trusts whoever may onboard; an empty one trusts nobody."""
    anywhere, nowhere, two = (Settings(model_roots=roots) for roots in (None, "", " /a, s3://b/c ,"))

    assert (None, (), ("/a", "s3://b/c")) == (anywhere.allowed_models, nowhere.allowed_models, two.allowed_models)
    assert refused("/models/delays")
    refuse_model_outside(Model(name="delays", uri="/models/delays"), None)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"uri": "/models/delays"}, "model.uri: given '/models/delays': .* because loading one runs its code"),
        ({"url": "http://a.org:81"}, "model.url: given 'http://a.org:81': .* because requests are passed on to it"),
    ],
)
def test_a_refusal_says_why(model: dict[str, str], words: str) -> None:
    """A folder is refused because its code would run, a server because requests would reach it."""
    with pytest.raises(InvalidSpec, match=words):
        refuse_model_outside(Model.model_validate({"name": "delays"} | model), ("/srv", "http://a.org"))


def test_a_server_below_an_allowed_address_is_watched() -> None:
    """An allowed address is a whole host and port, and all paths below it."""
    servers = ("http://a.org", "http://a.org/team", "http://a.org.evil.net", "http://a.org:81", "https://a.org")

    assert [False, False, True, True, True] == [refused(server, "http://a.org/") for server in servers]


def test_an_address_of_another_kind_names_no_folder() -> None:
    """Only plain paths and file addresses of this machine are folders."""
    uris = ("/a b", "file:///a%20b", "s3://a/b", "file://host/a", "")

    assert [Path("/a b"), Path("/a b"), None, None, None] == [local_folder(uri) for uri in uris]


def test_a_model_beside_the_watched_one_is_looked_at_too() -> None:
    """A canary is loaded as any model is, so it has to be below a root; without one nothing is looked at."""
    data = {"model": {"name": "delays", "uri": "s3://models/1"}, "baseline": {"source": "local://delays"}}
    roots = ("s3://models",)
    refuse_models_outside(MonitorSpec.parse(data), roots)

    with pytest.raises(InvalidSpec, match=r"serving\.canary_uri: given 's3://others/1': expected a model below"):
        refuse_models_outside(MonitorSpec.parse(data | {"serving": {"canary_uri": "s3://others/1"}}), roots)
