"""The command line: parse, call one engine method, render."""
