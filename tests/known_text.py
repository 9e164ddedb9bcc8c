"""A text that the model is so sure of that no processor's rounding changes it, nor any interpreter."""

COUNTING = "1, 2, 3, 4,"
COUNTED = " 5, 6, 7, 8, 9,"
N_COUNTED = 15
# The same on the command line: what makes `llamacffi generate -m MODEL` write it.
COUNT = ["-p", COUNTING, "-n", str(N_COUNTED), "--temp", "0", "-t", "2"]
