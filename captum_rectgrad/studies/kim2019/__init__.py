"""The experiments of Kim et al. 2019, one module each, and helpers that only they use."""
