"""The SQL keeper: the truth about subjects, permissions, references and searches; sealed where it is personal."""
