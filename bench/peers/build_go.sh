#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Build one Go file without a module or the network: build_go.sh GO OUTPUT INPUT CACHE
# The cache is used where Go has none of its own. A Go that does not work costs the rows, not the build.
set -u
go=$1 output=$2 input=$3 cache=$4
if [ -z "${GOCACHE:-}${XDG_CACHE_HOME:-}${HOME:-}" ]; then
    mkdir -p "$cache"
    GOCACHE=$(cd "$cache" && pwd -P)
    export GOCACHE
fi
if ! GO111MODULE=off GOFLAGS='' CGO_ENABLED=0 "$go" build -o "$output" "$input"; then
    echo "mkbench: no rows of Go: $go build failed" >&2
    : >"$output"
    chmod -x "$output"
fi
