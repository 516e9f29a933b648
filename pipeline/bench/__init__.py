"""Comparisons that a user can run: how volumes come out of archives that are not as they should be."""
