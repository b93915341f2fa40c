#!/bin/bash
# Bash completion: the script made from the rows, and the names it asks the program for.
. "$(dirname "$0")/../harness/tlib.sh"

bin=$T/bin
mkdir "$bin"
for p in cluster instance node job debug storage; do ln -s "$PWD/gnt" "$bin/gnt-$p"; done
PATH=$bin:$PATH
export GANETI_ROOTDIR=$T/root GANETI_HOSTNAME=n1

# ssconf of a cluster, where the program looks for it
data=$(dirname "$(strings -a "$PWD/gnt" | grep -m1 '/lib/ganeti/known_hosts$')")
mkdir -p "$T/root$data"
printf 'n1.example.com\nn2.example.com\n' >"$T/root$data/ssconf_node_list"
printf 'web1\nweb2\ndb1\n' >"$T/root$data/ssconf_instance_list"
printf '0-1 default\n2-3 rack2\n' >"$T/root$data/ssconf_nodegroups"

"$PWD/gnt" --bash-completion >"$T/script"
ok "the script is bash" bash -n "$T/script"
# shellcheck disable=SC1091
. "$T/script"

# complete WORD...: completions of the last word, sorted, in one line
complete_words() {
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	_gnt
	printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' ' | sed 's/^ //; s/ $//'
}

is "$(complete_words gnt-instance rem)" "remove remove-tags" "commands"
is "$(complete_words gnt-instance add --os-p)" "--os-parameters --os-parameters-private --os-parameters-secret" \
	"options"
is "$(complete_words gnt-instance info w)" "web1 web2" "instances"
is "$(complete_words gnt-instance info web1 d)" "db1" "more instances"
is "$(complete_words gnt-node modify '')" "n1.example.com n2.example.com" "nodes"
is "$(complete_words gnt-instance show d)" "db1" "aliases complete like what they stand for"
is "$(complete_words gnt-cluster queue '')" "drain info undrain" "fixed words"
is "$(complete_words gnt-instance reboot -t '')" "full hard soft" "choices of an option"
is "$(complete_words gnt-instance reboot --type = h)" "hard" "choices after ="
is "$(complete_words gnt-instance add -g r)" "rack2" "names for an option"
is "$(complete_words gnt-instance migrate -n n2 w)" "web1 web2" "the argument after an option with a value"
is "$(complete_words gnt-instance rename web1 '')" "$(compgen -A hostname | sort | tr '\n' ' ' | sed 's/ $//')" \
	"the second argument is another kind"
is "$(complete_words gnt-instance console web1 '')" "" "nothing when there are enough arguments"
is "$(complete_words gnt-storage d)" "diagnose" "the smallest program"
is "$(complete_words gnt-cluster master)" "master-failover master-ping" "commands of the cluster"
is "$(complete_words gnt-node power c)" "cycle" "words an argument may be"
is "$(complete_words gnt-node power cycle n2)" "n2.example.com" "and the nodes behind it"
is "$(complete_words gnt-instance change-group --to d)" "default" "groups for an option"
is "$(complete_words hbal --no-d)" "--no-disk-moves" "options of htools"
is "$(complete_words hbal -O n1)" "n1.example.com" "names for them"
is "$(complete_words hbal --evac-mode '')" "" "no arguments"
is "$(complete_words hail "$T/s")" "$T/script" "files as arguments"
is "$(complete_words ganeti-masterd --syslog = o)" "only" "daemons"
ok "all programs there are" grep -qE ' ganeti-noded .* hspace( |$)' <(grep '^complete -F' "$T/script")
is "$(gnt-node --complete nonsense)" "" "unknown kinds give nothing"
done_testing
