-- Run once, when the data folder of the postgres service is empty. The catalog's database is made by the image itself;
-- Dagster needs one of its own, as both keep a table `alembic_version`.
CREATE DATABASE dagster;
