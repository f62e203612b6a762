"""Shared parts of the studies' figures."""
