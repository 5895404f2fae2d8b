"""Proof: the certificate of an erasure, the page that explains it, and the verifier that believes neither.

Rules kept here:

* :mod:`.verifier` imports nothing of Countenance: an auditor reads one file and trusts one file.
* :mod:`.certificate` issues only what the verifier accepts, and says in the document what it cannot prove.

This package imports nothing by itself, so that the verifier runs without the engine.
"""
