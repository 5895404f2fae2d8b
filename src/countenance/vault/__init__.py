"""Keys and sealing. What a key has sealed is gone when the key is."""
