"""Measurements that are recorded in the docs."""
