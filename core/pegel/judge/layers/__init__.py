"""The layers of tests, one file each: what it needs, what it says of a window, how a finding of it is recomputed."""
