"""Who may log in to the tests' Airflow: `ada` administers, `vic` only looks."""

PASSWORDS = {"ada": "lovelace", "vic": "toria"}
ROLES = "ada:admin,vic:viewer"
