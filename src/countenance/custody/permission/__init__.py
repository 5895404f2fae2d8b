"""The consent ledger. Nothing is held, and nothing returned, without a permission in force."""
