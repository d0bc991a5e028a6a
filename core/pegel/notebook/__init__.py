"""The notebook door: any table against a baseline, without a stream, a scheduler or a database."""

from pegel.notebook.checking import check
from pegel.notebook.profiling import profile
from pegel.notebook.report import Report

__all__ = ["Report", "check", "profile"]
