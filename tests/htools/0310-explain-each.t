#!/bin/bash
# hail --explain: each limit, for each kind of request.
here=$(cd "$(dirname "$0")" && pwd)
T=$(mktemp -d) && trap 'rm -rf "$T"' EXIT
ln -s "$PWD/htools/htools" "$T/hail"
python3 -B "$here/explain_each.py" "$T/hail"
