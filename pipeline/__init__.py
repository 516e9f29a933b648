"""Archive-scale preprocessing of medical images.

The floors, from the ground up; each imports only from below::

    cli                              arguments to calls
    engine                           the only Dask
    archive  store  report           edges: readers and vault, OME-Zarr and ledger, tables and page
    recipe > plan                    decisions
    stages                           one pure step a file
    kernels                          arrays and tables only
    grid  volume  tally  errors ...  values
"""

__version__ = "0.1.0"
