"""The network, its training, and the tables of examples/information_plane.py."""
