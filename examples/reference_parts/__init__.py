"""The pages of the reference, each read from the objects that it describes."""
