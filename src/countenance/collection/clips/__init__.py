"""Clips: recorded video, searched after the fact and under a case. There is no live input.

Stages, one way: reading (frames), sampling (which of them), tracking (who is who from frame to frame), search
(all of it together), sheet (a page for people).
"""
