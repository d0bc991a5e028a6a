"""How long what was found is kept: one length of time for each kind, and what else has to hold before it may go."""
