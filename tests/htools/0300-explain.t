#!/bin/bash
# hail --explain: what it says is in the way is what is in the way.
here=$(cd "$(dirname "$0")" && pwd)
T=$(mktemp -d) && trap 'rm -rf "$T"' EXIT
ln -s "$PWD/htools/htools" "$T/hail"
python3 -B "$here/explain.py" "$T/hail" tests/harness/mkrequest
