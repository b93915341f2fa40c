#!/bin/bash
# hail chooses nodes for the master: of new instances, and of those that migrate.
# shellcheck disable=SC2154 # what tlib.sh sets
# shellcheck source=tests/harness/tlib.sh
. "$(dirname "$0")/../harness/tlib.sh"
# shellcheck source=tests/harness/vcl.sh
. "$(dirname "$0")/../harness/vcl.sh"

pnode() { # INSTANCE
	m gnt-instance list --no-headers -o pnode "$1"
}

untimed() {
	sed -E 's/^[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [0-9]{4} //' <<<"$OUT"
}

vcl_up 3
for k in 1 2 3; do
	dir=$(dirname "$(vcl_file $k IALLOCATOR_SEARCH_DIRS | cut -d: -f1)/x")
	mkdir -p "$dir"
	ln -s "$VCL_LIB/hail" "$dir/hail"
done

diag "one"
ok "hail chooses the node" m gnt-instance add -I hail -t diskless -o tiny+default inst1.example.com
at=$(pnode inst1.example.com)
like "$at" '^node[123]\.example\.com$' "the instance is on it"
like "$(untimed)" "^ - INFO: Selected nodes for instance inst1.example.com via iallocator hail: $at" "says so"
ok "it becomes the cluster's default" m gnt-cluster modify --default-iallocator=hail
ok "nobody names it" m gnt-instance add -t sharedfile -s 32m -o tiny+default inst2.example.com
like "$(pnode inst2.example.com)" '^node[123]\.example\.com$' "placed"
isnt=$(pnode inst2.example.com)
nok "not on the same node" test "$isnt" = "$at"

diag "what keeps instances apart"
ok "an exclusion tag" m gnt-cluster add-tags htools:iextags:svc
for k in 5 6 7; do ok "inst$k" m gnt-instance add -t diskless --tags svc:a -o tiny+default inst$k.example.com; done
is "$(for k in 5 6 7; do pnode inst$k.example.com; done | sort -u | wc -l)" 3 "each on a node of its own"
must_fail 1 "Can't compute nodes using iallocator 'hail': Request failed: Group default \(preferred\): No valid allocation solutions, failure reasons: FailTags: 3" \
	m gnt-instance add -t diskless --tags svc:a -o tiny+default inst9.example.com

diag "somewhere else"
ok "migrate to where hail says" m gnt-instance migrate -f -I hail inst2.example.com
like "$(untimed)" "^ - INFO: Selected nodes for instance inst2.example.com via iallocator hail: $(pnode inst2.example.com)" "says so"
nok "it is not where it was" test "$(pnode inst2.example.com)" = "$isnt"
done_testing
