"""The analysis of one swing video: pure Python over arrays.

Nothing here knows Dagster, AWS, the network or a wall clock, and nothing here imports another package of ours.
Start reading at `analysis.py`.
"""
