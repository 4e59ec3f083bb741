"""The embedded stack for one machine: AWS endpoint, Dagster and API, started and stopped together."""
