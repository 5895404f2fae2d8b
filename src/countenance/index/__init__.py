"""The vector index: a cache of the sealed templates that can be searched. Knows numbers, no names and no SQL."""
