"""The hands of the batch rhythm: they read what the stream left, have it judged, and write what is new."""
