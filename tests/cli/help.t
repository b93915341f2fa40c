#!/bin/bash
# Help at each level, and what is said about words that are not known.
. "$(dirname "$0")/../harness/tlib.sh"

bin=$T/bin gnt=$PWD/gnt
mkdir "$bin"
export GANETI_ROOTDIR=$T/root GANETI_HOSTNAME=n1

# "PROGRAM COMMAND OPTION...", a command a line, from what bash completes; tests/unit/cli.c knows that these are all
./gnt --bash-completion |
	sed -n "s/^\t\(gnt-[a-z]*\)\/\([a-z-]*\)[^)]*) options='\([^']*\)'.*/\1 \2 \3/p" >"$T/commands"
n=0 missing='' last='' programs=''
while read -r program command options; do
	if [ "$program" != "$last" ]; then
		ln -s "$PWD/gnt" "$bin/$program"
		programs=$("$bin/$program" --help)
		last=$program
	fi
	[[ $programs =~ $'\n '$command\ *-\ [A-Z] ]] || missing+="$program --help: $command"$'\n'
	help=$("$bin/$program" "$command" --help) || missing+="$program $command: fails"$'\n'
	for o in $options --help; do
		[[ $help =~ ($'\n'|,\ )$o([\ =,]|$'\n'|$) ]] || missing+="$program $command --help: $o"$'\n'
	done
	n=$((n + 1))
done <"$T/commands"
is "$missing" "" "every program lists its commands, and every command its options"
is "$n" 132 "all commands"

cd "$bin" || exit 1
# hint DESCRIPTION LAST-LINE CMD...
hint() {
	local d=$1 line=$2
	shift 2
	run "$@"
	is "$(tail -n 1 <<<"$ERR")" "$line" "$d"
}
hint "a slip in a command" "There is no command 'evacaute'. Did you mean 'evacuate'?" ./gnt-node evacaute n1
hint "the beginning of a command" "There is no command 'recre'. Did you mean 'recreate-disks'?" ./gnt-instance recre i1
run ./gnt-instance re
is "$RC $ERR" "1 " "the beginning of several commands"
hint "a slip in an option" "Did you mean --target-node?" ./gnt-node migrate --traget-node n2 n1
hint "a slip in --help" "Did you mean --help?" ./gnt-node migrate --hep
hint "the beginning of an option is the option" "Error: Command migrate expects 1 argument(s)" ./gnt-node migrate --target n2
run "$gnt" --help
is "$RC $(grep -c '^  gnt-' <<<"$OUT")" "0 11" "all programs"
hint "a slip in a program" "There is no program 'gnt-instnace'. Did you mean 'gnt-instance'?" "$gnt" instnace list
hint "a slip in an option of a daemon" "Did you mean --foreground?" "${gnt%/*}/ganeti-masterd" --foregruond
for tool in ensure-dirs node-daemon-setup prepare-node-join ssh-update; do
	run "${gnt%/*}/$tool" --help
	is "$RC ${OUT%% [*}" "0 Usage: $tool" "$tool --help"
	must_fail 2 "Usage: $tool" "${gnt%/*}/$tool" --nonsense
done
run ./gnt-node
is "$RC" 1 "no command at all"
like "$OUT" $'^Usage: gnt-node \{command\} ' "shows what there is"
done_testing
