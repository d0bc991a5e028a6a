"""How long the pages take, and how often they ask the database."""
