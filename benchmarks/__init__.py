"""Comparisons with the tools that people use today: paired in one process, told as ratios."""
