"""Training: from the derived store to a folder that is a model.  Nobody imports it but the command line."""
