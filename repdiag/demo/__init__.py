"""The whole road on data that ships: two small encoders, one healthy and one that collapses.

Nothing is imported here, so that `--model repdiag.demo.model:build_encoder` loads only the model.
"""
