"""The user's wish: what is accepted, what is refused, and in which words."""

import hashlib
import json
from copy import deepcopy
from cProfile import Profile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.errors import InvalidSpec
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.spec_text import read_text


def wish(**parts: Any) -> dict[str, Any]:
    """Return the smallest acceptable spec, with parts replaced."""
    return {
        "model": {"name": "delays", "uri": "file:///models/delays"},
        "baseline": {"source": "local://delays"},
        **parts,
    }


def refusal(data: Any) -> str:
    """Return the sentences with which data is refused."""
    with pytest.raises(InvalidSpec) as caught:
        MonitorSpec.parse(data)
    return str(caught.value)


def test_the_smallest_wish_has_defaults_for_all_else() -> None:
    """A model and a baseline are enough; a minute's window and one false alarm a week are the defaults."""
    spec = MonitorSpec.parse(wish())

    assert "delays/1" == spec.key
    assert "delays-v1" == spec.endpoint
    assert timedelta(seconds=60) == spec.windowing.step
    assert timedelta(weeks=1) == spec.false_alarms.period


def test_an_unknown_field_is_refused_by_its_path() -> None:
    """A misspelt field is never ignored."""
    message = refusal(wish(windowing={"something": 60}))

    assert "windowing.something: unknown field; remove it or correct its name" == message


@pytest.mark.parametrize(
    ("part", "where", "meant"),
    [
        ({"windows": {}}, "windows", "windowing"),
        ({"false_alarms_per_week": 1}, "false_alarms_per_week", "false_alarms"),
        ({"windowing": {"lenght": 60}}, "windowing.lenght", "length"),
        ({"false_alarms": {"hold": 0.9}}, "false_alarms.hold", "hold_for"),
        ({"alerts": {"email": "a@b.org"}}, "alerts.email", "emails"),
    ],
)
def test_a_field_whose_name_is_near_is_asked_for(part: dict[str, Any], where: str, meant: str) -> None:
    """A slip, or a name of another version, is answered with the field of that section that was meant."""
    expected = f"{where}: unknown field; did you mean `{meant}`? Correct its name or remove it"

    assert expected == refusal(wish(**part)).splitlines()[0]


@pytest.mark.parametrize(
    ("data", "given"),
    [(None, "nothing"), ("x", "a text"), ([1], "a list"), (7, "a number"), (0.5, "a number"), (b"x", "something else")],
)
def test_what_is_no_mapping_is_named_in_plain_words(data: object, given: str) -> None:
    """An empty file, a text and a list are no spec, and nobody needs to know the language that reads them."""
    assert f"a spec is a mapping of fields; given: {given}. Nothing was changed." == refusal(data)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"model": {"name": "f" * 500, "uri": "file:///m"}}, "f" * 500),
        ({"model": {"name": "delays", "version": "9" * 5_000, "uri": "file:///m"}}, "9" * 5_000),
        ({"false_alarms": {"count": "1" * 5_000}}, "1" * 5_000),
        ({"alerts": {"emails": ["\n" * 300]}}, "\n" * 300),
        ({"watch": {"detectors": ["x" * 300] * 2}}, "x" * 300),
    ],
)
def test_what_is_cut_is_told_with_its_true_length_and_hash(part: dict[str, Any], text: str) -> None:
    """Those of what was written, not of what is shown of it: whoever looks for it finds it by them."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]

    assert f"… ({len(text):,} characters, sha256 {digest})" in refusal(wish(**part))


def test_every_problem_is_named_in_one_refusal() -> None:
    """Two mistakes give two sentences, so that nobody corrects them one at a time."""
    message = refusal({"model": {"name": "Delays", "uri": "file:///m"}})

    assert message.splitlines() == [
        (
            "model.name: given 'Delays': must be lower case letters, digits and inner hyphens, "
            "because it names topics and endpoints"
        ),
        "baseline: missing; it has no default, so state it",
    ]


def test_a_slide_longer_than_its_window_is_refused_with_the_consequence() -> None:
    """The message says what would have gone wrong and what to write instead."""
    message = refusal(wish(windowing={"length": "60s", "slide": "90s"}))

    assert (
        "windowing: slide 90s > length 60s: events between windows would be counted nowhere; "
        "set slide to 60s or less, or leave it out" == message
    )


def test_a_slide_that_does_not_divide_its_window_is_refused() -> None:
    """Windows are put together from whole slides."""
    assert "length 60s is not a multiple of slide 25s" in refusal(wish(windowing={"length": 60, "slide": 25}))


@pytest.mark.parametrize("value", ["0s", "-1m", 0])
def test_a_window_without_length_is_refused(value: object) -> None:
    """A window is longer than nothing."""
    assert "must be longer than 0 s" in refusal(wish(windowing={"length": value}))


def test_a_length_that_cannot_be_read_says_how_to_write_one() -> None:
    """The remedy is in the refusal."""
    message = refusal(wish(windowing={"length": "soon"}))

    assert "windowing.length: given 'soon': write seconds (60) or a number with a unit: 90s, 15m, 1h, 2d" == message


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("1.5m", 90), (90, 90), ("PT90S", 90), ("2d", 172_800), ("90000ms", 90)]
)
def test_lengths_of_time_may_be_written_in_several_ways(written: object, seconds: int) -> None:
    """Seconds, a unit or ISO 8601 mean the same length."""
    spec = MonitorSpec.parse(wish(windowing={"length": written}))

    assert timedelta(seconds=seconds) == spec.windowing.length


def test_equal_wishes_have_equal_fingerprints() -> None:
    """The fingerprint is of the meaning, not of the writing."""
    one = MonitorSpec.parse(wish(windowing={"length": "1m"}))
    other = MonitorSpec.from_yaml(json.dumps(wish(windowing={"length": 60.0, "lateness": "10s"})))

    assert one.fingerprint() == other.fingerprint()


def test_another_wish_has_another_fingerprint() -> None:
    """A changed threshold is a changed wish."""
    one = MonitorSpec.parse(wish())
    other = MonitorSpec.parse(wish(watch={"margin": 0.05}))

    assert one.fingerprint() != other.fingerprint()


@given(length=st.integers(30, 10_000), lateness=st.integers(0, 900), count=st.integers(1, 30))
def test_a_spec_survives_its_own_json(length: int, lateness: int, count: int) -> None:
    """What is written can be read again, with the same fingerprint."""
    spec = MonitorSpec.parse(wish(windowing={"length": length, "lateness": lateness}, false_alarms={"count": count}))

    again = MonitorSpec.parse(json.loads(json.dumps(spec.to_json())))

    assert spec == again
    assert spec.fingerprint() == again.fingerprint()


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (
            {"watch": {"detectors": ["median", "median"]}},
            "watch.detectors: given ['median', 'median']: median is named",
        ),
        ({"watch": {"statistics": ["distinct", "distinct"]}}, "distinct is named more than once; name it once"),
        ({"windowing": {"length": True}}, "windowing.length: given True: true is no value of this field"),
        ({"false_alarms": {"count": True}}, "false_alarms.count: given True: true is no value of this field"),
        ({"false_alarms": {"count": 1e308}}, "expected 0.001 to 1000: with less no change would ever be told"),
        ({"false_alarms": {"count": 1e-308}}, "expected 0.001 to 1000: with less no change would ever be told"),
        ({"windowing": {"length": "\u0666\u0660s"}}, "write seconds (60) or a number with a unit"),
    ],
)
def test_what_nobody_can_have_meant_is_refused(part: dict[str, Any], words: str) -> None:
    """Names given twice, truth values for numbers, budgets out of all bounds and digits that are not ASCII."""
    assert words in refusal(wish(**part))


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"online": {"view": "local://f", "keys": ["id"], "features": [["a"]]}}, "expected names of features; ['a']"),
        ({"archive": {"private": [{"a": "hash"}]}}, "expected names of fields; {'a': 'hash'} is none"),
        ({"alerts": {"routes": {"to": "a@example.org", "digest": ["true"]}}}, "expected true or false, given ['true']"),
        ({"alerts": {"routes": {"to": "a@example.org", "continue": {"a": "b"}}}}, "expected true or false"),
    ],
)
def test_a_list_within_a_list_is_refused_in_words(part: dict[str, Any], words: str) -> None:
    """Where a name or a truth is expected, whatever YAML can say gets a sentence."""
    assert words in refusal(wish(**part))


def test_an_address_given_twice_is_told_once() -> None:
    """The same mailbox, its domain written in another case, is one recipient, as it was written first."""
    spec = MonitorSpec.parse(wish(alerts={"emails": ["ada@example.org", "bo@example.org", "ada@Example.org"]}))

    assert ("ada@example.org", "bo@example.org") == spec.alerts.emails


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """A wrong path is the user's input, not a crash."""
    with pytest.raises(InvalidSpec, match=r"absent.yaml cannot be read: No such file or directory"):
        read_text(tmp_path / "absent.yaml")


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words", "{", ""])
def test_text_that_is_no_mapping_is_refused(text: str) -> None:
    """A list, a word, broken YAML and nothing at all are refused as what they are."""
    with pytest.raises(InvalidSpec, match=r"mapping|not YAML"):
        MonitorSpec.from_yaml(text)


@pytest.mark.parametrize("version", [0, 2**31, 2**63])
def test_a_version_that_the_database_cannot_hold_is_refused(version: int) -> None:
    """Versions are positive and of 32 bits, as every table keeps them: others are refused before anything is stored."""
    model = {"name": "delays", "version": version, "uri": "file:///models/delays"}

    assert f"model.version: given {version}" in refusal(wish(model=model))


def test_a_later_version_of_the_format_is_refused() -> None:
    """A spec written for a newer Pegel is not half understood."""
    assert "spec_version: given 2" in refusal(wish(spec_version=2))


@pytest.mark.parametrize(
    ("windowing", "sentence"),
    [
        ({"length": "99999999d"}, "windowing.length: given '99999999d': must be at most 366 days"),
        ({"length": "P400D"}, "windowing.length: given 'P400D': must be at most 366 days"),
        ({"length": "P99999999999D"}, "expected a length of time as in PT90S, at most 366 days"),
        ({"length": [60]}, "windowing.length: given [60]: write seconds (60) or a number with a unit"),
        ({"length": 1e300}, "windowing.length: given 1e+300: must be at most 366 days"),
        ({"length": float("nan")}, "windowing.length: given nan: must be at most 366 days"),
        ({"length": 10, "slide": 0.5}, "slide 0.5s < 1s: the stream looks at its windows once a second"),
        ({"lateness": "8d"}, "lateness 691200s > 604800s (7 days): no window would be final before that"),
        ({"length": "1h", "slide": 10}, "length 3600s has 360 slides of 10s, at most 30 are possible"),
        ({"length": "1h", "slide": 10}, "choose a slide of 120s or more"),
        ({"length": 1, "lateness": "1h"}, "keep 3601 slides of 1s open, at most 1000 are possible"),
        ({"length": "9" * 300 + "d"}, "must be at most 366 days"),
    ],
)
def test_windows_are_bounded(windowing: dict[str, Any], sentence: str) -> None:
    """A window that would be too long, too short, too late or too often is refused with the bound and its reason."""
    assert sentence in refusal(wish(windowing=windowing))


@pytest.mark.parametrize(
    "windowing",
    [
        {"length": "366d"},
        {"length": "1h", "slide": "2m", "lateness": "10m"},
        {"length": 1},
        {"length": 60, "lateness": "16h"},
    ],
)
def test_windows_at_their_bounds_are_accepted(windowing: dict[str, Any]) -> None:
    """What lies on a bound is allowed."""
    spec = MonitorSpec.parse(wish(windowing=windowing, watch={"rows_per_day": 1_000}))
    assert spec.windowing.length >= timedelta(seconds=1)


@pytest.mark.parametrize("section", [{"model": {"ready_within": "400d"}}, {"alerts": {"repeat_after": "1" + "0" * 30}}])
def test_every_length_of_time_has_the_same_bound(section: dict[str, Any]) -> None:
    """No length of time is so long that adding it to a date fails after something was started."""
    model = {"name": "delays", "uri": "file:///models/delays"} | section.get("model", {})

    assert "must be at most 366 days" in refusal(wish(**(section | {"model": model})))


@pytest.mark.parametrize(
    ("said", "again"),
    [
        ("1 per week", "1 per week"),
        ("2 per day", "2 per day"),
        (" 0.5  per month ", "0.5 per month"),
        ({"count": 0.333, "per": "hour"}, "0.333 per hour"),
        ({}, "1 per week"),
    ],
)
def test_false_alarms_are_said_as_people_say_them(said: object, again: str) -> None:
    """Number and period in one phrase are accepted, and shown back in the words that are accepted."""
    shown_back = str(MonitorSpec.parse(wish(false_alarms=said)).false_alarms)

    assert (again, again) == (shown_back, str(MonitorSpec.parse(wish(false_alarms=shown_back)).false_alarms))


@given(st.floats(0.001, 1000), st.sampled_from(["hour", "day", "week", "month"]))
def test_the_phrase_means_what_the_fields_mean(count: float, per: str) -> None:
    """A budget in words has the fingerprint of the same budget in fields."""
    count = float(f"{count:.6f}")
    phrase = MonitorSpec.parse(wish(false_alarms=f"{count:.6f} per {per}"))

    assert MonitorSpec.parse(wish(false_alarms={"count": count, "per": per})).fingerprint() == phrase.fingerprint()


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"false_alarms": "often"}, "false_alarms: given 'often': expected a number \"per\" hour, day, week or month"),
        ({"false_alarms": "1 per fortnight"}, "false_alarms.per: given 'fortnight'"),
        ({"false_alarms": None}, "false_alarms: empty; write a value, or leave the field out"),
        ({"alerts": {"emails": "nobody"}}, "expected one address such as oncall@example.org; several are a list"),
        ({"alerts": {"emails": ["a@b.org", "c d@e.org"]}}, "alerts.emails.1: given 'c d@e.org': expected one address"),
        ({"alerts": {"emails": "a@b.org\nBcc: x@y.org"}}, "expected one address"),
        ({"alerts": {"emails": {"a": 1}}}, "alerts.emails: expected a list"),
        ({"watch": {"features": 7}}, "watch.features: given 7: expected `all` or a list of names"),
        ({"watch": {"features": ["a", 7]}}, "watch.features: given ['a', 7]: expected names of columns; 7 is none"),
        ({"watch": {"features": ["a", "a"]}}, "a is named more than once; name it once"),
        ({"watch": {"features": ["a\0b"]}}, "has a NUL or half a pair of characters, which no database keeps"),
        ({"watch": {"features": ["\ud800"]}}, "has a NUL or half a pair of characters, which no database keeps"),
        ({"watch": {"rows_per_day": 1e300}}, "watch.rows_per_day: given 1e+300"),
        ({"baseline": {"source": "local://a\x1b[2J"}}, "has a character that cannot be seen; write it without"),
        ({"baseline": {"source": "x" * 3_000}}, "has 3,000 characters, at most 2,000 are possible"),
        ({"namespace": "n" * 600}, "has 600 characters, at most 40 are possible"),
        ({"group": ""}, "group: given '': is empty; write a value, or leave the field out"),
        ({"a" * 100_000: 1}, "100,000 characters, sha256"),
    ],
)
def test_a_refusal_says_what_to_write_instead(part: dict[str, Any], words: str) -> None:
    """What cannot be accepted is named by its path, shown harmlessly, with what was expected."""
    message = refusal(wish(**part))

    assert (True, True) == (words in message, len(message) < 2_000 and message.replace("\n", "").isprintable())


@pytest.mark.parametrize(
    ("per_day", "windowing", "accepted"),
    [
        (86_400_000, {"length": "1h", "lateness": "7d"}, False),
        (86_400_000, {"length": "1h"}, True),
        (100_000, {"length": "99d", "lateness": "1d"}, True),
        (100_000, {"length": "99d", "lateness": "86401s"}, False),
        (1e12, {"length": 1, "lateness": 0}, False),
    ],
)
def test_windows_that_no_driver_could_hold_are_refused(
    per_day: float, windowing: dict[str, Any], accepted: bool
) -> None:
    """At most 10,000,000 requests of a model may be open at its own rate, those of the length and the lateness."""
    part = wish(watch={"rows_per_day": per_day}, windowing=windowing)
    try:
        MonitorSpec.parse(part)
        message = ""
    except InvalidSpec as error:
        message = str(error)

    assert (accepted, not accepted) == (
        not message,
        "at most 10,000,000 are possible: the driver keeps 56 bytes of each" in message,
    )


def test_what_no_driver_could_hold_is_said_with_what_would_fit() -> None:
    """The refusal names the rate, the requests, the bound, and how long a window may be."""
    assert (
        "spec: watch.rows_per_day 86,400,000 is up to 608,400,000 requests within length 3600s and lateness 604800s, "
        "at most 10,000,000 are possible: the driver keeps 56 bytes of each in memory until its window is final; "
        "choose a shorter length or lateness, so that both together are 10,000s at most"
    ) == refusal(wish(watch={"rows_per_day": 86_400_000}, windowing={"length": "1h", "lateness": "7d"}))


@pytest.mark.parametrize(
    ("part", "accepted"),
    [
        ({"alerts": {"emails": "a@b.org"}}, ("a@b.org",)),
        ({"alerts": {"emails": ["o'neil+x@sub.b-c.org"]}}, ("o'neil+x@sub.b-c.org",)),
        ({"alerts": {"emails": ["root@localhost"]}}, ("root@localhost",)),
    ],
)
def test_one_address_is_a_list_of_one(part: dict[str, Any], accepted: tuple[str, ...]) -> None:
    """An address alone is accepted as the list that it means, whatever mail servers take is an address."""
    assert accepted == MonitorSpec.parse(wish(**part)).alerts.emails


def test_one_name_is_a_list_of_one() -> None:
    """Features and detectors may be named alone; `all` stays what it is; a name may have a line break."""
    watches = [{"features": "age"}, {"features": "all"}, {"features": "Umsatz\n(EUR)"}, {"detectors": "median"}]
    parsed = [MonitorSpec.parse(wish(watch=watch)).watch for watch in watches]

    assert [("age",), "all", ("Umsatz\n(EUR)",), "all"] == [watch.features for watch in parsed]
    assert ("median",) == parsed[3].detectors


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            {"windw": {"lenght": "60", "slide": "soon"}},
            [
                "windw: unknown field; did you mean `windowing`? Correct its name or remove it",
                "windw.lenght: unknown field; did you mean `length`? Correct its name or remove it",
                "windw.slide: given 'soon': write seconds (60) or",
            ],
        ),
        (
            {"windowing": {"lenght": "10s", "slide": "1m"}},
            [
                "windowing.lenght: unknown field; did you mean `length`? Correct its name or remove it",
                "windowing: slide 60s > length 10s:",
            ],
        ),
        (
            {"windowing": {"length": "10s", "lenght": "x"}, "colour": {"lenght": 1}},
            [
                "windowing.lenght: unknown field; did you mean `length`? Correct its name or remove it",
                "colour: unknown field; remove it or correct its name",
            ],
        ),
    ],
    ids=["section", "field", "both names"],
)
def test_what_stands_below_an_unknown_name_is_looked_at_too(part: dict[str, Any], expected: list[str]) -> None:
    """A misspelt section or field is read as the one that was probably meant, and what is wrong there is said at once.

    What is stated under its own name as well, and what is like no name, is read as nothing.
    """
    lines = refusal(wish(**part)).splitlines()

    assert expected == [line[: len(start)] for line, start in zip(lines, expected, strict=True)]


def test_a_misspelt_section_that_must_be_is_not_missing() -> None:
    """Nobody is told to state what stands there under a name that is nearly right."""
    given = wish()
    given["baselin"] = given.pop("baseline")

    assert "baselin: unknown field; did you mean `baseline`? Correct its name or remove it" == refusal(given)


@given(
    st.dictionaries(
        st.sampled_from(["modl", "model", "watch", "wach", "x"]),
        st.recursive(
            st.none() | st.text(max_size=3),
            lambda inner: st.dictionaries(
                st.sampled_from(["name", "nme", "uri", "features", "featurs", "y"]), inner, max_size=3
            ),
            max_leaves=6,
        ),
    )
)
def test_whatever_is_refused_has_a_reason(data: dict[str, Any]) -> None:
    """Correcting ends, says something, and leaves what it was handed as it was."""
    before = deepcopy(data)

    assert "" != refusal(data)
    assert before == data


def test_a_wrong_file_is_not_a_thousand_sentences() -> None:
    """Twenty problems are named, the others counted."""
    lines = refusal(wish(**{f"field{i}": 1 for i in range(1_000)})).splitlines()

    assert (21, "and 980 more") == (len(lines), lines[-1])


@pytest.mark.parametrize("section", ["spec", "model"])
def test_of_a_wrong_file_no_more_names_are_guessed_than_are_told(section: str) -> None:
    """However many fields are unknown, in a section or beside them, twenty are compared with the known ones."""
    wrong = {f"field{i}": 1 for i in range(1_000)}
    data = wish(**wrong) if section == "spec" else wish(model=wish()["model"] | wrong)
    profile = Profile()
    profile.runcall(refusal, data)
    guessed = [entry.callcount for entry in profile.getstats() if getattr(entry.code, "co_name", "") == "nearest"]

    assert [20] == guessed


@pytest.mark.parametrize(
    "source",
    [
        "local://../../x?version=1",
        "local://a?version=x",
        "local://a?version=-1",
        "local://a?version=1&version=2",
        "local://a?split=../x",
        "local://a?version=1&foo=1",
        "local://a#train",
        "local://[a",
        "local:a",
        "local://",
    ],
)
def test_a_source_that_the_feature_store_cannot_hold_is_refused(source: str) -> None:
    """In one sentence, when the spec is read: not by the job that would look for it."""
    expected = f"baseline.source: given '{source}': expected local://NAME?version=1&split=train"

    assert expected == refusal(wish(baseline={"source": source})).split(": name")[0]


@pytest.mark.parametrize("uri", ["file:", "file:///", "gs://", "s3:///", "http://"])
def test_an_address_without_a_place_is_no_model(uri: str) -> None:
    """A scheme alone names nothing that could be loaded."""
    message = refusal(wish(model={"name": "delays", "uri": uri}))

    assert f"model.uri: given '{uri}': names no place" == message.split(";", maxsplit=1)[0]


@pytest.mark.parametrize("uri", ["http://[::1", "//[::1", "s3://b\u2100cket/x"])
def test_what_cannot_be_taken_apart_is_no_model(uri: str) -> None:
    """It is a problem of this field beside others, with or without a scheme."""
    problems = refusal(wish(model={"name": "Delays!", "uri": uri})).splitlines()

    assert ["model.name", "model.uri"] == [problem.split(":")[0] for problem in problems]
    assert "is no address (" in problems[1]


@pytest.mark.parametrize("uri", ["javascript:alert(1)", "mailto:a@b.org", "s3:bucket/models", "models:1", "c:\\models"])
def test_an_address_of_no_place_at_all_is_no_model(uri: str) -> None:
    """But for `file:`, the address of a place has two slashes behind its scheme; a plain folder has no scheme."""
    message = refusal(wish(model={"name": "delays", "uri": uri}))

    assert "names no place; write the folder, as in file:///models/delays" in message


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({}, "model: given neither of uri and url; state one: "),
        ({"uri": "/models/delays", "url": "http://a.org"}, "model: given both of uri and url; state one: "),
        ({"uri": "/models/delays", "logged_by": "server"}, "model: served_name and logged_by are about a server that "),
        ({"uri": "/models/delays", "served_name": "d"}, "model: served_name and logged_by are about a server that "),
        ({"url": "ftp://a.org"}, "model.url: given 'ftp://a.org': expected the base address of a server"),
        ({"url": "http://"}, "model.url: given 'http://': expected the base address of a server"),
        ({"url": "http://a.org:x"}, "model.url: given 'http://a.org:x': expected the base address of a server"),
        *(
            ({"url": f"http://{host}"}, f"model.url: given {f'http://{host}'!r}: expected the base address of a server")
            for host in ("1.2.3.999", "1.2.3", "01.2.3.4", "é..x", "a..b", f"{'a' * 64}.org", "-a.org", "[v1.a]")
        ),
        ({"url": "http://[::1"}, "model.url: given 'http://[::1': expected the base address of a server"),
        ({"url": "http://u:p@a.org"}, "model.url: given 'http://u:p@a.org': has a name or a password"),
        ({"url": "http://a.org/v1/models/d:predict"}, "model.url: given 'http://a.org/v1/models/d:predict': expected "),
        ({"url": "http://a.org?x=1"}, "model.url: given 'http://a.org?x=1': expected the base address alone"),
        ({"url": "http://a.org", "served_name": "a/b"}, "model.served_name: given 'a/b': "),
    ],
)
def test_a_model_is_a_folder_or_a_server(model: dict[str, str], words: str) -> None:
    """Exactly one of the two is stated, a server by its base address, without what would be a secret."""
    assert words == refusal(wish(model={"name": "delays"} | model))[: len(words)]


def test_a_server_that_runs_already_is_asked_under_its_own_name() -> None:
    """Without one the model is called as the endpoint is; a slash at the end of the address changes nothing."""
    servers: list[dict[str, str]] = [{"url": "http://a.org/team/"}, {"url": "https://a.org", "served_name": "Delays.3"}]
    specs = [MonitorSpec.parse(wish(model={"name": "delays"} | server)) for server in servers]

    assert ["delays-v1", "Delays.3"] == [spec.served_name for spec in specs]
    assert ["http://a.org/team", "https://a.org"] == [spec.model.place for spec in specs]


@pytest.mark.parametrize("uri", ["/models/a:1", "models/a", "file:/models/a", "pvc://claim/a", "hdfs://host/a"])
def test_folders_and_addresses_of_any_store_are_places(uri: str) -> None:
    """Which stores there are, the serving backend knows."""
    assert uri == MonitorSpec.parse(wish(model={"name": "delays", "uri": uri})).model.uri


@pytest.mark.parametrize("address", ["a@-", "a@b-.org", "a@-b.org", "a@b..org"])
def test_a_domain_has_no_outer_hyphen(address: str) -> None:
    """No such host exists, so no mail would ever reach anybody there."""
    assert "expected one address" in refusal(wish(alerts={"emails": address}))


def test_an_encoded_word_is_no_address() -> None:
    """A header that has it says something else than the spec: the mail would go to `eve@example.org`."""
    assert "expected one address" in refusal(wish(alerts={"emails": "=?utf-8?q?eve?=@example.org"}))
