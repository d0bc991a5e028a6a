"""Findings -> alerts -> mails: one open alert per monitor and kind, no second mail that says nothing new. Pure.

State follows the findings of final windows alone; acknowledging and silencing hold back mails, never state. Which mail
is due is read off the state (what was mailed, what is known now), so nothing is lost when a mail was refused.
"""
