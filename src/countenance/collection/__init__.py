"""How images come in: albums, platform exports, pages with a published grant, and clips under a case.

Rules kept here: nothing is taken that was not given; of every picture only the permitted subject's own face goes
on to the gallery; whoever else is seen is compared once, counted and forgotten.
"""
