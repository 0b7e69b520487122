"""One module for each revision, never changed once it was released."""
