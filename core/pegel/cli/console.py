"""Where commands speak: results on standard output, what went wrong on standard error."""

from __future__ import annotations

from rich.console import Console

out = Console(highlight=False)
err = Console(stderr=True, highlight=False, style="red")

INTERRUPTED = 130
"""Exit code after an interrupt, as shells have it: 128 and the number of the signal."""
