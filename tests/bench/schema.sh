#!/bin/bash
# How long it takes to print every row as JSON, and how much that is. Runs in the build directory.
runs=21
times=()
for ((i = 0; i < runs; i++)); do
	start=${EPOCHREALTIME/./}
	./schema_dump --json >/dev/null || exit 1
	times+=($((${EPOCHREALTIME/./} - start)))
done
sorted=$(printf '%s\n' "${times[@]}" | sort -n)
printf 'schema_dump --json: %s bytes, median %s ms of %s runs, longest %s ms\n' "$(./schema_dump --json | wc -c)" \
	"$(sed -n $((runs / 2 + 1))p <<<"$sorted" | awk '{printf "%.1f", $1 / 1000}')" $runs \
	"$(tail -n 1 <<<"$sorted" | awk '{printf "%.1f", $1 / 1000}')"
