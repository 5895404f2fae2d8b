"""The HTTP door without a network."""
