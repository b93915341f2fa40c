#!/bin/sh
# Make the build system from configure.ac and Makefile.am.
cd "$(dirname "$0")" && exec autoreconf -fi
