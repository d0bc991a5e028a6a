"""Who may log in to the tests' Airflow, one of each role: `vic` only looks, `ada` administers."""

PASSWORDS = {"vic": "toria", "uma": "thurman", "otto": "lilienthal", "ada": "lovelace"}
BY_ROLE = {"viewer": "vic", "user": "uma", "op": "otto", "admin": "ada"}
ROLES = ",".join(f"{name}:{role}" for role, name in BY_ROLE.items())
