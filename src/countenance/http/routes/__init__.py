"""One module for each resource of ``/v1``; a router each, mounted by ``application``."""
