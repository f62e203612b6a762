"""The folder of a run: results, provenance and pages."""
