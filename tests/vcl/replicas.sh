# shellcheck shell=bash
# shellcheck disable=SC2154 # what tlib.sh and vcl.sh set
# The master's database on other nodes, for the tests of replication and failover. Source vcl.sh first.

# contents K: all rows of a node's database but those that are its own
contents() {
	python3 - "$(vcl_file "$1" CONFIG_DB)" <<-'X'
		import sqlite3, sys
		d = sqlite3.connect(sys.argv[1])
		names = [r[0] for r in d.execute("select name from sqlite_schema where type = 'table' order by name")]
		for name in names:
		    if name not in ("replica_state", "job_run"):
		        for row in sorted(map(repr, d.execute('select * from "%s"' % name))):
		            print(name, row)
		print(d.execute("select last_term, last, base_term, base, bytes from replica_state").fetchall())
	X
}

# same K: it has what the master has
same() {
	[ "$(contents "${MASTER:-1}" | md5sum)" = "$(contents "$1" | md5sum)" ]
}

# sql K STATEMENT: behind everybody's back
sql() {
	python3 -c 'import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute(sys.argv[2]); d.commit()' \
		"$(vcl_file "$1" CONFIG_DB)" "$2"
}

control() {
	vcl_luxi --control "$@"
}

# agents K: the node agent and its workers
agents() {
	local pid
	pid=$(vcl_pid "$1" ganeti-noded) && echo "$pid" && pgrep -P "$pid"
}

# hang K, resume K
hang() {
	# shellcheck disable=SC2046 # several
	kill -STOP $(agents "$1")
	at_exit resume "$1"
}
resume() {
	# shellcheck disable=SC2046 # several
	kill -CONT $(agents "$1") 2>/dev/null
}
