"""The attribution methods, laid out as Captum's `attr`."""
