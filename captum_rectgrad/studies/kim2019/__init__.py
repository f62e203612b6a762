"""The experiments of Kim et al. 2019, one module each, with their helpers."""
