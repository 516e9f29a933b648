"""What was done and how well: Parquet tables and one HTML page, a pure function of the records and the catalog."""
