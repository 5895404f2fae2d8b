"""How well face search works on a user's own labelled pictures, and what may be concluded from it."""

from countenance.recognition.candidates.evaluation.evaluate import Evaluation, evaluate
from countenance.recognition.candidates.evaluation.labelled import Labelled, read_labelled
from countenance.recognition.candidates.evaluation.measure import Measurement, measure
from countenance.recognition.candidates.evaluation.report import report

__all__ = ["Evaluation", "Labelled", "Measurement", "evaluate", "measure", "read_labelled", "report"]
