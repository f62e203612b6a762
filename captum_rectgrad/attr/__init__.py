"""The attribution methods, organised as Captum's `attr`."""
