"""A file names the databases that training data may come from; what stands in it is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from page_blocks import blocks_of

from pegel.errors import SetupError
from pegel.featurestore.known_database import KnownDatabase
from pegel.spec.settings import Settings

pytestmark = pytest.mark.environments("pyarrow")

FILE = """
[shop]
url = jdbc:postgresql://db.example.org:5432/shop
user = pegel
password = correct%horse=battery
sslMode = verify-full

[other]
url = jdbc:derby:/data/other
"""


def known(tmp_path: Path, text: str | None, name: str = "shop") -> KnownDatabase:
    """Look a database up in a file of this text; None: in no file."""
    path = tmp_path / "databases"
    if text is not None:
        path.write_text(text)
    return KnownDatabase.of(name, Settings(databases_file=path))


def test_a_database_has_address_and_options(tmp_path: Path) -> None:
    """Options are its driver's, letter by letter; a password may hold any sign, and is not shown."""
    shop = known(tmp_path, FILE)

    assert "jdbc:postgresql://db.example.org:5432/shop" == shop.url
    assert {"user": "pegel", "password": "correct%horse=battery", "sslMode": "verify-full"} == shop.options
    assert "correct" not in repr(shop)
    assert {} == known(tmp_path, FILE, "other").options


def test_the_file_of_the_page_names_a_database(tmp_path: Path) -> None:
    """What docs/feature-store.md shows is such a file."""
    page = Path(__file__).resolve().parents[3] / "docs" / "feature-store.md"
    (shown,) = [block.text for block in blocks_of(page.read_text(encoding="utf-8")) if block.language == "ini"]
    shop = known(tmp_path, shown)

    assert "jdbc:postgresql://db.example.org:5432/shop" == shop.url
    assert {"user": "pegel", "password": "...", "sslmode": "verify-full"} == shop.options


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        (None, "shop", "cannot be read: No such file or directory"),
        (FILE, "shpo", "names no database shpo; did you mean `shop`?"),
        ("", "shop", "names no database shop; it names none"),
        ("[shop]\nuser = correct", "shop", "expected `url = jdbc:...` of the database shop in {path}; given none"),
        ("[shop]\nurl = correct://horse", "shop", "given another one"),
        ("[shop]\nurl = jdbc:x\nquery = correct", "shop", "given query of the database shop, which a source says"),
        ("[shop]\ncorrect horse", "shop", "line 2 is neither [NAME] nor `option = value` said once"),
        ("[shop]\nurl = correct\nurl = horse", "shop", "line 3 is neither"),
        ("correct = horse", "shop", "line 1 is neither"),
    ],
)
def test_what_names_no_database_is_told(tmp_path: Path, text: str | None, name: str, words: str) -> None:
    """One sentence with the place, and without a word of what stands there."""
    with pytest.raises(SetupError) as raised:
        known(tmp_path, text, name)

    assert words.format(path=tmp_path / "databases") in str(raised.value)
    assert "correct" not in str(raised.value)
    assert str(raised.value).endswith("No baseline was built.")


def test_without_a_file_the_setting_is_named() -> None:
    """Where no file is named, the setting that names one is."""
    with pytest.raises(SetupError, match="PEGEL_DATABASES_FILE: expected a file that names the database shop"):
        KnownDatabase.of("shop", Settings())
