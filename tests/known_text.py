"""A text that the model is so sure of that no processor's rounding changes it, nor any interpreter."""

COUNTING = "1, 2, 3, 4,"
COUNTED = " 5, 6, 7, 8, 9,"
N_COUNTED = 15
