"""Who may look, and why: customers, keys and roles, cases, review, the subject's ledger and the public register."""
