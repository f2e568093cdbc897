"""Pure functions on small records, one declaration each. Adding one touches its function and its twin."""
