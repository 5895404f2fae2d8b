"""Model packages and how they run. The detector and the templates both stand on this."""
