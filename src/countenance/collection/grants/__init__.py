"""Pages whose owner has published a grant: what it allows, what speaks against it, and how it is read.

Stages, one way: address (may it be asked?), fetching (one request), reservations (who says no?), document (the
grant), site (all of it together), withdrawing (everything that came through it goes).
"""
