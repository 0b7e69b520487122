"""The changes of ``lab/changes`` in copies of the tree: their own tests, and orders under way when they come."""
