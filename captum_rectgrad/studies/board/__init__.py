"""The board: attribution methods by measures, with intervals (`rectgrad board`)."""
