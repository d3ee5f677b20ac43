#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Build one Go file without a module, the network or a home: build_go.sh GO OUTPUT INPUT CACHE
set -eu
mkdir -p "$4"
cache=$(cd "$4" && pwd -P)
exec env GO111MODULE=off GOFLAGS= GOCACHE="${GOCACHE:-$cache}" GOPATH="$cache" CGO_ENABLED=0 "$1" build -o "$2" "$3"
