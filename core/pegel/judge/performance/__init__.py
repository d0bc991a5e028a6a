"""How a model does, as labels tell it: spans of labelled rows judged, charts over labelled events, estimates scored."""
