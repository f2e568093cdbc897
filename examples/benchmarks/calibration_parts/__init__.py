"""The parts of `calibration.py`: rows whose health is known, real models, margins and tables."""
