"""The thin HTTP API: reads the catalog and the stored outputs, starts work through S3 and the catalog only."""
