#!/bin/bash
# What the master commits reaches the nodes: real node agents of two nodes, each in a root of its own.
# shellcheck disable=SC2154,SC2119,SC2317 # path variables; options are rare; called by ok
. "$(dirname "$0")/lib.sh"

[ -x "$B/ganeti-noded" ] || skip_all "ganeti-noded is not built"
ln -s "$B/ganeti-node-worker" "$GANETI_LIBDIR/"
root1=$GANETI_ROOTDIR root2=$T/node2

# at2 PATH: where node2 has it
at2() {
	echo "$root2${1#"$root1"}"
}

noded1() {
	"$B/ganeti-noded" -b 127.0.8.1
}

noded2() {
	GANETI_ROOTDIR=$root2 GANETI_HOSTNAME=node2.example.com "$B/ganeti-noded" -b 127.0.8.2
}

# noded_end PIDFILE
noded_end() {
	local pid
	pid=$(cat "$1" 2>/dev/null) || return 0
	kill "$pid" 2>/dev/null || return 0
	wait_for 60 gone "$pid"
}
at_exit noded_end "$NODED_PID"
at_exit noded_end "$(at2 "$NODED_PID")"

new_cluster 2 127.0.8.1 127.0.8.2
hooks=$(dirname "$CONF_DIR/x")/hooks/master-ip-turnup-post.d
mkdir -p "$hooks" "$root2"
# shellcheck disable=SC2016 # for the hook
printf '#!/bin/sh\necho "$GANETI_MASTER_IP" > %s\n' "$T/turnup" >"$hooks/note"
chmod 755 "$hooks/note"
mkdir -p "$(dirname "$(at2 "$NODED_CERT_FILE")")" "$(dirname "$(at2 "$ETC_HOSTS")")"
cp "$NODED_CERT_FILE" "$(at2 "$NODED_CERT_FILE")"
cp "$DATA_DIR"/ssconf_* "$(at2 "$DATA_DIR")/"
rm "$(at2 "$DATA_DIR")/ssconf_cluster_name"

# same FILE: node2 has the same
same() {
	cmp "$1" "$(at2 "$1")"
}

noded2 || bail "the second node agent does not start"
master || bail "masterd does not start"
ok "the configuration is exported here" wait_for 60 test -s "$CONFIG_FILE"
ok "and sent to a candidate at the start" wait_for 60 same "$CONFIG_FILE"
ok "and so are ssconf values" wait_for 60 same "$DATA_DIR/ssconf_cluster_name"
is "$(stat -c %a "$CONFIG_FILE")" 640 "mode of config.data"
like "$(cat "$CONFIG_FILE")" '"cluster_name": ?"cl.example.com"' "upstream's file"

# the node agent of the master comes late: the address is activated all the same
ok "nobody has activated the master IP yet" not test -e "$T/turnup"
noded1 || bail "the first node agent does not start"
ok "master IP is activated through the node agent" wait_for 60 test -s "$T/turnup"
is "$(cat "$T/turnup")" 192.0.2.250 "the right one"

luxi ReplaceFilter '[null,7,[],"CONTINUE",[["x","y",1]]]' >"$T/uuid"
uuid=$(tr -d '"' <"$T/uuid")
ok "a change is exported" wait_for 60 grep -q "$uuid" "$CONFIG_FILE"
ok "and sent" wait_for 60 same "$CONFIG_FILE"

job=$(submit '{"OP_ID":"OP_TAGS_SET","kind":"cluster","name":null,"tags":["blue"],"reason":[]}')
is "$(ends "$job")" success "a job changes the cluster"
ok "ssconf here" wait_for 60 grep -qx blue "$DATA_DIR/ssconf_cluster_tags"
ok "ssconf there" wait_for 60 same "$DATA_DIR/ssconf_cluster_tags"
ok "config.data there" wait_for 60 same "$CONFIG_FILE"

luxi SetDrainFlag '[true]' >/dev/null
ok "the drain flag goes to candidates" wait_for 60 test -e "$(at2 "$JOB_QUEUE_DRAIN_FILE")"
luxi SetDrainFlag '[false]' >/dev/null
ok "and is taken back" wait_for 60 not test -e "$(at2 "$JOB_QUEUE_DRAIN_FILE")"
pid=$(pgrep -f "^$GANETI_LIBDIR/ganeti-spread-worker")
kill -STOP "$pid"
luxi SetDrainFlag '[true]' >/dev/null
kill -9 "$pid"
ok "also when the worker that sends it dies over that" wait_for 60 test -e "$(at2 "$JOB_QUEUE_DRAIN_FILE")"
luxi SetDrainFlag '[false]' >/dev/null
ok "and is taken back" wait_for 60 not test -e "$(at2 "$JOB_QUEUE_DRAIN_FILE")"
luxi SetWatcherPause '[2000000000]' >/dev/null
ok "the watcher's pause goes to all nodes" wait_for 60 test -s "$(at2 "$WATCHER_PAUSEFILE")"

# a node that is down misses something and gets it later
noded_end "$(at2 "$NODED_PID")"
job=$(submit '{"OP_ID":"OP_TAGS_SET","kind":"cluster","name":null,"tags":["green"],"reason":[]}')
is "$(ends "$job")" success "a node is down: jobs go on"
ok "the master says so in its log" wait_for 60 grep -q "Can't send .* to node node2.example.com" "$MASTERD_LOG"
noded2 || bail "the second node agent does not start"
ok "it comes back and gets what it missed" wait_for 60 same "$DATA_DIR/ssconf_cluster_tags"
ok "the configuration, too" wait_for 60 same "$CONFIG_FILE"

# a master that was killed before it could tell
master_kill
echo old >"$(at2 "$CONFIG_FILE")"
rm "$CONFIG_FILE"
master || bail "masterd does not start"
ok "a new master sends everything" wait_for 60 same "$CONFIG_FILE"
done_testing
