"""Everything Dagster: assets, checks, partitions, sensors, jobs, resources. Computation is in `swing` and `coach`."""
