"""Attribution methods in a common table, metrics of maps, and confidence intervals."""
