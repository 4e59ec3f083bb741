"""Golf swing videos in, coaching out: the analysis, its storage, its Dagster pipeline and its API."""

__version__ = "0.1.0"
