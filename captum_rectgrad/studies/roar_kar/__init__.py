"""Table 1 and figure 18: networks trained again without, or with nothing but, ranked pixels."""
