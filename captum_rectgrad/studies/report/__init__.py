"""The output folder of a run: results, provenance and reports."""
