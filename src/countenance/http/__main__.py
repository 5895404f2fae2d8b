"""Runs the service; ``countenance serve`` becomes this process."""

from countenance.http.serving import main

main()
