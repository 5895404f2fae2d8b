"""Answers: identify (1:N), verify (1:1), and the threshold that both are judged by."""
