"""Task integrations: one small module for each scheme of a ``Resource``.

Must never know the history: a runner does what a ``RunTask`` says and tells what came of it.
"""
