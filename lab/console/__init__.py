"""The lab's face: web pages on which both lanes run side by side, are broken, and explain themselves.

Everything shown comes over HTTP from the lanes' own processes (``backend``); the console judges nothing by itself, and
a lab works the same without it. A page is a module of ``pages``; the rest here is the frame that all pages share.
"""
