"""Methods compared, measures of maps, and intervals over images."""
