#!/bin/sh
# Makes the field at the first start, then serves it to the proxy in front of the container.
set -eu
[ -e /field/field.toml ] || fieldmark init /field
exec fieldmark up /field --host 0.0.0.0 --port 8421 --first-admin \
  --allow-host "${FIELDMARK_ALLOW_HOST:?set FIELDMARK_ALLOW_HOST to the name that others open}" \
  --proxy "${FIELDMARK_PROXY:?set FIELDMARK_PROXY to the address or range of the proxy in front}" "$@"
