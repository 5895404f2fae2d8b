"""How well face search works on a user's own labelled pictures, and what may be concluded from it."""

__all__ = ["Choices", "Evaluation", "Labelled", "evaluate", "read_labelled", "report"]
