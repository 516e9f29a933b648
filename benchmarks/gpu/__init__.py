"""One run on a machine with a GPU: is it the CPU's result, and how long did it take?  ``run.sh`` does it all."""
