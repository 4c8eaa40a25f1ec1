#!/bin/sh
# Run once by the database's first start: the role of the service, which owns nothing, and a user
# who has no more rights than it. What the role may do is granted with the tables.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v password="$APP_PASSWORD" <<'SQL'
CREATE EXTENSION IF NOT EXISTS postgis;
CREATE ROLE liangtian_app NOLOGIN;
CREATE ROLE liangtian LOGIN PASSWORD :'password' IN ROLE liangtian_app;
SQL
