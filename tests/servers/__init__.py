"""Real servers, started from their wheels for the tests that need them. Nothing here is a mock."""
