"""`pegel mail` shows the newest mail of a system's mail box."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from pegel.cli.main import main
from pegel.report.kept_mail import newest


def keep(home: Path, instant: int, subject: str, text: str) -> Path:
    """Keep a mail as the mail box does; return its file."""
    mail = EmailMessage()
    mail["Subject"], mail["To"] = subject, "on-call@localhost"
    mail.set_content(text)
    mail.add_alternative("<p>for browsers</p>", subtype="html")
    path = home / "mail" / f"{instant}.eml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(mail.as_bytes())
    return path


def run(*arguments: str) -> object:
    """Run the command; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(["mail", *arguments])
    return ended.value.code


@pytest.mark.parametrize("options", [[], ["--wait"]])
def test_the_newest_mail_is_shown(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Subject, addressee and text of the mail that came last, decoded, and where its picture is."""
    keep(tmp_path, 1795877658843664214, "an old one", "nothing")
    newest = keep(tmp_path, 1795877658843664215, "[pegel] loans v1", "paid 76 % → 53 %")

    assert 0 == run("--home", str(tmp_path), *options)
    assert [
        "Subject: [pegel] loans v1",
        "To: on-call@localhost",
        "",
        "paid 76 % → 53 %",
        "",
        f"as it was sent: {newest}",
    ] == capsys.readouterr().out.splitlines()


def test_a_picture_is_pointed_at_where_there_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A terminal shows none: the file has it."""
    drawn = EmailMessage()
    drawn["Subject"] = "loans v1"
    drawn.set_content("paid 76 % → 53 %")
    drawn.add_attachment(b"\x89PNG", "image", "png")
    kept = keep(tmp_path, 1, "loans v1", "replaced by the next line")
    kept.write_bytes(drawn.as_bytes())

    assert 0 == run("--home", str(tmp_path))
    assert f"with its picture: {kept}" == capsys.readouterr().out.splitlines()[-1]


def test_mails_that_are_not_wanted_are_not_read(tmp_path: Path) -> None:
    """Whoever waits for a mail names those that were read before; the newest of the others is found."""
    first = keep(tmp_path, 1, "loans v1", "one")
    (tmp_path / "mail" / "2.eml").mkdir()

    assert first == newest(tmp_path / "mail", unwanted={tmp_path / "mail" / "2.eml"})
    assert newest(tmp_path / "mail", unwanted={first, tmp_path / "mail" / "2.eml"}) is None


def test_an_empty_box_says_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a mail, or a mail box, the sentence says which folder has none, and nothing is made."""
    assert 1 == run("--home", str(tmp_path))
    said = " ".join(capsys.readouterr().err.split())
    assert f"no mail in {tmp_path / 'mail'}" in said
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(("model", "subject"), [("loans", "loans v1: income"), ("trips", "trips v2: length")])
def test_the_newest_mail_about_a_model_is_shown(
    model: str, subject: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a model's name, mails about others are passed over."""
    keep(tmp_path, 1, "[pegel] loans v1: age", "an old one")
    keep(tmp_path, 2, "[pegel] loans v1: income", "its newest")
    keep(tmp_path, 3, "[pegel] trips v2: length", "of another one")

    assert 0 == run(model, "--home", str(tmp_path))
    assert f"Subject: [pegel] {subject}" == capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize(("text", "subject"), [("NOT THOSE", "answers are not those of version 1"), ("v1: ", "income")])
def test_the_newest_mail_with_such_a_subject_is_shown(
    text: str, subject: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a text, mails whose subject does not have it are passed over; capitals do not matter."""
    keep(tmp_path, 1, "[pegel] loans v1: answers are not those of version 1", "not those")
    keep(tmp_path, 2, "[pegel] loans v1: income", "its newest")
    keep(tmp_path, 3, "[pegel] trips v2: length", "v1: not those")

    assert 0 == run("--subject", text, "--home", str(tmp_path))
    assert subject in capsys.readouterr().out.splitlines()[0]


def test_what_was_looked_for_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no mail is wanted, the sentence says about which model and with which subject there is none."""
    keep(tmp_path, 1, "[pegel] loans v1: income", "its newest")

    assert 1 == run("loans", "--subject", "probing", "--home", str(tmp_path))
    assert "no mail about loans with 'probing' in its subject in " in " ".join(capsys.readouterr().err.split())
