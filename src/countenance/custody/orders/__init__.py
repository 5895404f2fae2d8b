"""A regulator's order: whom it protects, what it demands by when, and how it lives through appeal."""
