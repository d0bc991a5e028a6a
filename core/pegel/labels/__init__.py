"""True outcomes of predictions: read, folded where corrected or copied, joined with what was predicted. Pure."""
