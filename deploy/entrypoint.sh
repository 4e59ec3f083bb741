#!/bin/sh
# Turns secret files into environment variables, then becomes the command. A file /run/secrets/GOLF_CATALOG_URL sets
# GOLF_CATALOG_URL. What the environment sets already stays; an empty file sets nothing.
set -eu

for file in "${SECRETS_FOLDER:-/run/secrets}"/*; do
  name=${file##*/}
  case $name in
    *[!A-Z0-9_]* | [0-9]*) continue ;; # not the name of a variable
  esac
  if [ -s "$file" ] && [ -z "$(printenv "$name" || true)" ]; then
    value=$(cat "$file")
    export "$name=$value"
  fi
done

exec "$@"
