"""Three changes to the business as real patches, once for each wiring, and what is counted from them."""
