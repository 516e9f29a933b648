"""Where results lie: OME-Zarr groups, published whole, and the ledger that says what is done."""
