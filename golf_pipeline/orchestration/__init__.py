"""Everything Dagster: assets, checks, partitions, sensors, jobs, resources. Computation lives in `swing` and `coach`."""
