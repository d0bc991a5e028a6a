"""Where models may be: a model's file runs as whoever loads it, so a deployment may say which folders it trusts.

The same holds for servers that run already: requests are passed on to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pegel.errors import InvalidSpec
from pegel.spec.monitor_spec import Model, MonitorSpec
from pegel.spec.outside_text import quoted

LOADED = "loading one runs its code"


def refuse_model_outside(model: Model, roots: tuple[str, ...] | None) -> None:
    """Raise InvalidSpec when a model is below none of `roots`: folders, or addresses such as `s3://bucket/models`.

    None allows every place; no root at all allows none. Folders are compared with every link and `..` resolved, those
    of the files in the model's folder, too. Of addresses the text is compared; one with `..` or an escape is refused.
    """
    if model.is_deployment or model.is_table:
        # Nothing is loaded, and nothing passed on.
        return
    field, why = ("uri", LOADED) if model.url is None else ("url", "requests are passed on to it")
    _refuse_outside(f"model.{field}", model.place, roots, why)


def refuse_models_outside(spec: MonitorSpec, roots: tuple[str, ...] | None) -> None:
    """Raise InvalidSpec when the model of a spec, or the one beside it, is below none of `roots`, as above."""
    refuse_model_outside(spec.model, roots)
    if spec.serving.canary_uri is not None:
        _refuse_outside("serving.canary_uri", spec.serving.canary_uri, roots, LOADED)


def _refuse_outside(field: str, place: str, roots: tuple[str, ...] | None, why: str) -> None:
    if roots is None or is_below(place, roots):
        return
    allowed = ", ".join(map(quoted, roots)) or "no place at all"
    raise InvalidSpec(
        f"{field}: given {quoted(place)}: expected a model below PEGEL_MODEL_ROOTS ({allowed}), links "
        f"resolved, because {why}. Nothing was started."
    )


def is_below(place: str, roots: tuple[str, ...]) -> bool:
    """Say whether a folder or an address is below one of `roots`."""
    folder = local_folder(place)
    if folder is None:
        return ".." not in place and "%" not in place and any(_starts(place, root) for root in roots if "://" in root)
    return _lies_below(folder, roots)


def local_folder(uri: str) -> Path | None:
    """Return the folder that a plain path or a `file://` address names; None for any other address.

    A `file://` address of another host, or with a query or a fragment, names none.
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if not parts.scheme:
        return Path(uri) if uri and "\0" not in uri else None
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"} or parts.query or parts.fragment:
        return None
    path = unquote(parts.path)
    return Path(path) if path and "\0" not in path else None


def _starts(uri: str, root: str) -> bool:
    return uri.rstrip("/") == root.rstrip("/") or uri.startswith(f"{root.rstrip('/')}/")


def _lies_below(folder: Path, roots: tuple[str, ...]) -> bool:
    """Say whether a folder and all that stands in it lie below a root; what cannot be followed lies nowhere."""
    try:
        places = [local.resolve() for root in roots if (local := local_folder(root)) is not None]
        return all(any(path.is_relative_to(place) for place in places) for path in _everything(folder))
    except (OSError, RuntimeError, ValueError):
        return False


def _everything(folder: Path) -> Iterator[Path]:
    """Yield where a folder really is, then where everything that stands in it is."""
    yield _followed(folder)
    yield from map(_followed, folder.rglob("*"))


def _followed(path: Path) -> Path:
    """Return where a path is with every link resolved. Raises RuntimeError for a loop of links."""
    place = path.resolve()
    if place.is_symlink():  # Python 3.13 leaves a loop as it is, earlier ones raise
        raise RuntimeError(f"a loop of links: {path}")
    return place
