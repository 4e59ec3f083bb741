"""Where things are kept: the object store with its key layout, and the catalog with one row per analysis."""
