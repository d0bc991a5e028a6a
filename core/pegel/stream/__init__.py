"""Watching without a cluster: records are counted, partials merged, windows closed and made rows of results. Pure."""
