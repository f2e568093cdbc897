"""The parts of `onset.py`: encoders, losses that can lose a term, and series of checkpoints."""
