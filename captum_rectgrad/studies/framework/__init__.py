"""The definition of a study: its configuration, its context, and its result."""
