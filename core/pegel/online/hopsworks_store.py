"""The online store of Hopsworks: a feature view, by Hopsworks' own client and the REST server before its store.

A view is filled in Hopsworks, not from here. Logging in takes seconds and is done once, beside the first look-ups: they
fail until it is done, as with any other store that does not answer yet.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib.util import find_spec

import orjson

from pegel.errors import InvalidSpec, PegelError, SetupError, Unavailable
from pegel.featurestore.hopsworks.client import HopsworksClient
from pegel.featurestore.hopsworks.client_failures import in_words
from pegel.featurestore.hopsworks.connection import HopsworksConnection
from pegel.featurestore.hopsworks.online_view import OnlineView
from pegel.online.online_store import FeatureVector, overdue
from pegel.spec.outside_text import quoted, shown
from pegel.spec.settings import Settings

CONNECTIONS = 16
"""Look-ups of a view that are under way at the same time, at most: the client keeps so many connections."""
AGAIN_AFTER_S = 5.0
"""After logging in has failed."""
_PARTS = 3


class HopsworksOnlineStore:
    """A feature view of a project. One process asks one Hopsworks, by one key."""

    def __init__(self, connection: HopsworksConnection, view: str, version: int, at: str | None = None) -> None:
        """Open nothing yet. `at`: host:port of the store's REST server; None: where Hopsworks says that it is."""
        self._connection, self._named, self._at = connection, (view, version), at
        self._threads: ThreadPoolExecutor | None = None
        self._opening: asyncio.Task[OnlineView] | None = None
        self._failed_at = float("-inf")

    @classmethod
    def of_settings(cls, settings: Settings, view: str) -> HopsworksOnlineStore:
        """Return a view, named `PROJECT/FEATURE_VIEW/VERSION`. Raises InvalidSpec, SetupError."""
        project, _, named = view.partition("/")
        name, _, version = named.partition("/")
        if len(view.split("/")) != _PARTS or not version.isdecimal() or not int(version):
            raise InvalidSpec(
                f"online.source: given {quoted(f'hopsworks://{view}')}: expected hopsworks://PROJECT/FEATURE_VIEW/VERSION"
            )
        if find_spec("hopsworks") is None:
            raise SetupError(
                "online.source: expected Hopsworks' client, which comes with `pegel[hopsworks]`; it is not installed "
                "here. Nothing was looked up."
            )
        return cls(HopsworksConnection.of(settings, project), name, int(version), settings.hopsworks_online)

    async def get(self, entities: Sequence[str], *, within: timedelta) -> list[FeatureVector | None]:
        """Look the entities up with one request, see `OnlineStore`."""
        if not entities:
            return []
        ends = time.monotonic() + within.total_seconds()
        parts = [orjson.loads(entity) for entity in entities]
        try:
            async with asyncio.timeout(within.total_seconds()):
                view = await asyncio.shield(self._opened())
                left = max(ends - time.monotonic(), 0.001)
                asked = asyncio.get_running_loop().run_in_executor(self._pool, view.look_up, parts, left)
                found = await asked
        except TimeoutError as error:
            raise overdue(self._title, within) from error
        except Unavailable:
            raise
        except Exception as error:  # whatever the client raises is said in our words, or is a fault of ours
            words = in_words(error, self._connection, self._title)
            if words is None:
                raise
            raise Unavailable(f"the store of {self._title} does not answer: {shown(str(words))}") from error
        return [None if one is None else FeatureVector(*one) for one in found]

    async def close(self) -> None:
        """Forget the view; connections are the client's, and kept by it."""
        opening, self._opening, self._failed_at = self._opening, None, float("-inf")
        if opening is not None:
            outcome = (await asyncio.gather(opening, return_exceptions=True))[0]
            if isinstance(outcome, OnlineView):
                outcome.close()
        if self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None

    @property
    def _title(self) -> str:
        return f"feature view {self._named[0]} of version {self._named[1]}"

    @property
    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="pegel-online")
        return self._threads

    def _opened(self) -> asyncio.Task[OnlineView]:
        """Return the view, or what opens it; one that failed is tried again after a while."""
        has_failed = self._opening is not None and self._opening.done() and self._opening.exception() is not None
        if has_failed and time.monotonic() - self._failed_at > AGAIN_AFTER_S:
            self._opening = None
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        return self._opening

    async def _open(self) -> OnlineView:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._log_in)
        except Exception as error:
            # Whatever it was: logging in takes seconds, and is not tried anew for each request.
            self._failed_at = time.monotonic()
            if isinstance(error, PegelError):
                raise Unavailable(f"the store of {self._title} does not answer: {error}") from error
            raise

    def _log_in(self) -> OnlineView:
        with HopsworksClient.logged_in(self._connection) as client:
            return client.online_view(*self._named, at=self._at)
