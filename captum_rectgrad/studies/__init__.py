"""Studies: the experiments of papers as functions, run by `rectgrad reproduce`."""
