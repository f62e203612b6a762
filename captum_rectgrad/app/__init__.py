"""The page of `rectgrad app`: maps of an uploaded photograph, beside maps that should differ."""
