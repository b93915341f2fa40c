#!/bin/bash
# Manual pages: nothing that rows declare is missing, every command has words of its own, references lead
# somewhere, and neither mandoc nor man finds anything to complain about. Runs in the build directory.
. "$(dirname "$0")/harness/tlib.sh"

top=$(cd "$(dirname "$0")/.." && pwd)
pages=(man/*.[178])

# What bash completes is made from the same rows by other code.
./gnt --bash-completion >"$T/completion"
programs=$(sed -n "s/^\t\(gnt-[a-z]*\)) commands=.*/\1/p" "$T/completion")
missing=
for p in $programs; do
	[ -e "man/$p.8" ] || missing+=" $p"
done
is "$missing" "" "every program has a page"

# plain PAGE: its text without roff's escapes
plain() {
	sed -e ':a' -e '/\\$/{N;s/\\\n//;ta' -e '}' \
		-e 's/\\f[BIR]//g; s/\\[%:]//g; s/\\-/-/g; s/\\&//g; s/\\e/\\/g' "$1"
}

# "COMMAND OPTION" of page $1, one a line; options that many commands share as "COMMON OPTION"
described() {
	plain "$1" | awk '
		/^\.SS / {section = $2}
		/^\.SH / {section = /COMMON OPTIONS/ ? "COMMON" : ""}
		section && tag {n = split($0, w, /[ ,=]+/); for (i = 1; i <= n; i++) if (w[i] ~ /^-/) print section, w[i]}
		section && /^Also / {print section, "COMMON"}
		{tag = $0 == ".TP"}'
}
# "COMMAND OPTION" of program $1 by the rows
declared() {
	sed -n "s/^\t$1\/\([a-z-]*\)[^)]*) options='\([^']*\)'.*/\1 \2/p" "$T/completion" |
		awk '{for (i = 2; i <= NF; i++) print $1, $i}'
}
for p in $programs; do
	described "man/$p.8" | sort -u >"$T/described"
	declared "$p" | sort -u >"$T/declared"
	[ -s "$T/declared" ] || fail "$p has options"
	is "$(awk 'NR == FNR {have[$0] = 1; next}
		!($0 in have) && !(("COMMON " $2) in have) {print}' "$T/described" "$T/declared")" "" \
		"$p: every option of every command is described"
	is "$(comm -13 <(grep -v '^COMMON\|COMMON$' "$T/described") <(cut -d' ' -f1 "$T/declared" | sort -u |
		while read -r c; do plain "man/$p.8" | grep -qxF ".SS $c" || echo "$c"; done))" "" \
		"$p: every command has a section"
	is "$(cut -d' ' -f1 "$T/declared" | sort -u | while read -r c; do
		grep -qxF "@COMMAND $c@" "$top/man/$p.8.in" || echo "$c"
	done)" "" "$p: every command has its place in man/$p.8.in"
done

# tools and daemons that there are
for p in $(HTOOLS='' htools/htools 2>&1 | sed -n 's/^ \(h[a-z]*\) .*/\1/p'); do
	plain "man/$p.1" >"$T/page"
	is "$(HTOOLS=$p htools/htools --help-completion | sed -n 's/^\(-[^ ]*\) .*/\1/p' | tr , '\n' | while read -r o; do
		grep -q -e "^$o\>\|, $o\>" "$T/page" || echo "$o"
	done)" "" "$p: every option is described"
done
for p in masterd noded rapi confd mond kvmd metad; do
	[ ! -x "ganeti-$p" ] || ok "ganeti-$p has a page" test -s "man/ganeti-$p.8"
done

./schema_dump --json >"$T/json"
for hv in kvm xen-pvm xen-hvm lxc chroot fake; do
	wanted=$(awk -v hv="    \"$hv\": {" '$0 == hv {on = 1} on && /^    }/ {on = 0}
		on && /"name":/ {gsub(/.*: "|",?$/, ""); print}' "$T/json" | sort -u)
	page=man/gnt-cluster.8
	[ $hv != kvm ] || page=man/gnt-instance.8
	[ -n "$wanted" ] || fail "$hv has parameters"
	is "$(comm -23 <(echo "$wanted") <(plain $page | awk '/^\.TP/ {getline; print $1}' | sort -u))" "" \
		"every parameter of $hv is described"
done

is "$(for f in "${pages[@]}"; do
	plain "$f" | sed -n 's/^\.BR \([a-z-]*\) (\([178]\)).*/\1.\2/p' | while read -r r; do
		[ -e "$top/man/$r.in" ] || echo "$f: $r"
	done
done)" "" "references lead to pages"
# What upstream's scripts may rely on is explained (N is a number).
is "$(while read -r page word; do
	[[ $word == *_ ]] || word="\\<$word\\>"
	plain "man/$page" | grep -q -e "$word" || echo "$page: $word"
done <"$top/tests/schema/reference/interfaces")" "" "files and variables of the interfaces of scripts are described"

is "$(grep -l '@[A-Z]' "${pages[@]}")" "" "no marker is left"

# Examples are what the programs understand: with --help behind them, which stops them after their options.
# Not those whose words are never options, nor more than one command.
export GANETI_ROOTDIR=$T/root GANETI_HOSTNAME=node1
tried=0 refused='' words=()
while read -r line; do
	eval "words=($line)"
	name=${words[0]#gnt-} command=${words[1]}
	grep -q "^	gnt-$name/\([^)]*|[^)]*/\)*${command}[|)]" "$T/completion" || continue
	case $command in
	command | copyfile | *-tags) continue ;;
	esac
	run ./gnt "$name" "${words[@]:1}" --help
	tried=$((tried + 1))
	[ "$RC" = 0 ] || refused+="$line: $ERR"$'\n'
done < <(sed -n 's/^\t *//p' "$top"/man/*.in | sed -e ':a' -e '/\\$/{N;s/\\\n *//;ta' -e '}' | grep '^gnt-' |
	grep -v '[|&;$<>]')
is "$refused" "" "examples have options that exist ($tried examples)"
ok "there were examples" test $tried -gt 40

# mistakes in a page stop the build
for wrong in '@NONSENSE@' '@FIELDS nothing@' '@HVPARAMS vmware@' '.I @NO_SUCH_DIR@' '@OPTIONS@' \
	$'@COMMAND list@\n@COMMAND list@' 'an `open end'; do
	printf '.TH X 8\n%s\n' "$wrong" >"$T/gnt-os.8.in"
	must_fail 1 "gnt-os.8.in:[23]: " ./schema_dump --man "$T/gnt-os.8.in"
done

if command -v mandoc >/dev/null; then
	is "$(mandoc -T lint "${pages[@]}" 2>&1)" "" "mandoc has nothing to complain about"
else
	skip 1 "no mandoc"
fi
if command -v man >/dev/null; then
	is "$(for f in "${pages[@]}"; do
		LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$f" 2>&1 >/dev/null
	done)" "" "man has no warnings"
else
	skip 1 "no man"
fi
done_testing
