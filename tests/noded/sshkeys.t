#!/bin/bash
# The ssh keys of nodes: added everywhere, removed everywhere. "ssh" is a script here that runs the
# command in the virtual root of the node it names.
# shellcheck disable=SC2119
. "$(dirname "$0")/lib.sh"

new_root
trust client 2>/dev/null || { mkdir -p "$DATA_DIR" && trust client; }
ln -s "$B/ssh-update" "$GANETI_LIBDIR/"
mkdir -p "$T/bin"
cat >"$T/bin/ssh" <<EOF
#!/bin/bash
echo "\$*" >>"$T/ssh.log"
node=\${*: -2:1}; node=\${node#root@}
[ ! -e "$T/\$node.down" ] || { echo "No route to \$node" >&2; exit 255; }
export GANETI_ROOTDIR=$T/\${node%%.*} GANETI_HOSTNAME=\$node GANETI_LIBDIR=$GANETI_LIBDIR
exec \${*: -1}
EOF
chmod 755 "$T/bin/ssh"
PATH=$T/bin:$PATH noded_start

# on NODE PATH: the file in that node's root
on() { echo "$T/$1${2#"$GANETI_ROOTDIR"}"; }
for n in node2 node3 node4; do mkdir -p "$(dirname "$(on $n "$SSH_PUB_KEYS")")" "$(dirname "$(on $n "$SSH_KEYS_LOCK_FILE")")"; done
auth=$GANETI_ROOTDIR/root/.ssh/authorized_keys
ssconf() { printf '%s\n' "${@:2}" >"$DATA_DIR/ssconf_$1"; }
ssconf cluster_name cl.example.com
ssconf master_node node1.example.com
ssconf online_nodes node1.example.com node2.example.com node3.example.com
ssconf ssh_ports node1.example.com=22 node2.example.com=2222
k() { echo "ssh-rsa KEY$1 root@node$1"; }
u() { echo "0000000$1-aaaa-bbbb-cccc-dddddddddddd"; }
keys() { sort "$1" 2>/dev/null; }
mkdir -p "$(dirname "$auth")"
printf 'from="10.0.0.1",no-pty ssh-ed25519 ADMIN admin@desk\n%s\n' "$(k 1)" >"$auth"
printf '%s %s\nnode2.example.com %s\n' "$(u 1)" "$(k 1)" "$(k 2)" >"$SSH_PUB_KEYS"

add() { # NODE CANDIDATES FLAGS
	call node_ssh_key_add "[\"$(u "$1")\",\"node$1.example.com\",[$2],$3]"
}
remove() { # NODE CANDIDATE-UUIDS CANDIDATES FLAGS
	call node_ssh_key_remove "[\"$(u "$1")\",\"node$1.example.com\",[$2],[$3],$4]"
}

diag "a new master candidate"
is "$(add 2 '"node1.example.com","node2.example.com"' true,true,true)" '[true,[]]' "node2 is added"
is "$(keys "$SSH_PUB_KEYS")" "$(u 1) $(k 1)"$'\n'"$(u 2) $(k 2)" "the list has it by UUID"
is "$(keys "$(on node2 "$SSH_PUB_KEYS")")" "$(keys "$SSH_PUB_KEYS")" "the node got the list"
like "$(cat "$auth")" "$(k 2)" "it may log in on the master"
like "$(cat "$auth")" 'from="10.0.0.1",no-pty ssh-ed25519 ADMIN' "other keys stay"
is "$(cat "$(on node2 "$auth")")" "$(k 2)" "on itself"
is "$(cat "$(on node3 "$auth")")" "$(k 2)" "and on a node without the list"
ok "which still has none" test ! -e "$(on node3 "$SSH_PUB_KEYS")"
like "$(cat "$T/ssh.log")" 'Port=2222.*root@node2' "the node's port was used"
is "$(stat -c %a "$SSH_PUB_KEYS" "$auth" | tr '\n' ' ')" '600 600 ' "nobody else can read the files"
is "$(add 2 '"node1.example.com","node2.example.com"' true,true,true)" '[true,[]]' "again"
is "$(grep -c KEY2 "$auth")" 1 "does not double anything"

diag "a node that is down"
touch "$T/node3.example.com.down"
printf 'node4.example.com %s\n' "$(k 4)" >>"$SSH_PUB_KEYS"
: >"$T/ssh.log"
like "$(add 4 '"node1.example.com","node2.example.com"' true,true,false)" \
	"^\[true,\[\[\"node3.example.com\",\"When adding the key of node 'node4.example.com', updating SSH key files of node 'node3.example.com' failed after 3 retries. Not trying again. Last error was: No route to node3.example.com.\"\]\]\]" \
	"is reported"
is "$(grep -c node3 "$T/ssh.log")" 3 "after three tries"
is "$(grep -c root@node2 "$T/ssh.log")" 1 "the others are asked once"
like "$(cat "$(on node2 "$SSH_PUB_KEYS")")" "$(u 4) $(k 4)" "and know"
rm "$T/node3.example.com.down"
touch "$T/node5.example.com.down"
printf 'node5.example.com %s\n' "$(k 5)" >>"$SSH_PUB_KEYS"
like "$(add 5 '"node1.example.com","node5.example.com"' true,true,true)" \
	'Updating the ssh key files of node node5.example.com failed: No route' "a new node that is down is not added"
unlike "$(cat "$SSH_PUB_KEYS" "$auth")" KEY5 "and its key is nowhere"

diag "removal"
ssconf online_nodes node1.example.com node2.example.com node3.example.com node4.example.com
cp "$auth" "$(on node4 "$SSH_PUB_KEYS").tmp"; mkdir -p "$(dirname "$(on node4 "$auth")")"
mv "$(on node4 "$SSH_PUB_KEYS").tmp" "$(on node4 "$auth")"
is "$(remove 4 "\"$(u 1)\",\"$(u 2)\"" '"node1.example.com","node2.example.com"' true,true,true,true,false)" \
	'[true,[]]' "node4 is removed"
unlike "$(cat "$SSH_PUB_KEYS" "$auth")" KEY4 "from the master's files"
unlike "$(cat "$(on node2 "$SSH_PUB_KEYS")" "$(on node2 "$auth")" "$(on node3 "$auth")")" KEY4 "from the other nodes'"
unlike "$(cat "$(on node4 "$auth")")" 'KEY1|KEY2' "the candidates may not log in there any more"
like "$(cat "$(on node4 "$auth")")" 'ADMIN' "the administrator still may"
like "$(remove 4 '' '' true,true,false,false,false)" "not found in the list of public SSH keys" "it cannot be removed twice"
like "$(remove 1 '' '' true,false,false,false,false)" "Cannot remove the master node's keys." "nor the master"
like "$(remove 2 '' '' false,false,false,false,false)" "No removal from any key file was requested." "nor nothing"
like "$(add 9 '' true,true,true)" "No keys found for the new node 'node9.example.com' \\(UUID $(u 9)\\)" "an unknown key"

diag "the program on the node"
cert=$(sed -n '/BEGIN CERT/,$p' "$NODED_CERT_FILE" | sed ':a;N;$!ba;s/\n/\\n/g')
data() { printf '{"cluster_name":"%s","node_daemon_certificate":"%s"%s}' "$1" "$cert" "$2"; }
input() { data "$@" >"$T/input"; }
try() { RC=0; ERR=$("$B/ssh-update" <"$T/input" 2>&1) || RC=$?; }
input other.example.com ''; try
like "$RC $ERR" "^1 .*Cluster name is 'cl.example.com'" "refuses another cluster"
input cl.example.com ',"authorized_keys":["override",{}]'; try
like "$RC $ERR" "^1 .*not implemented for authorized keys" "refuses an unknown action"
input cl.example.com ',"authorized_keys":["add",{"x":["ssh-rsa A\nssh-rsa B"]}]'; try
like "$RC $ERR" '^1 .*is not a public key' "refuses two keys in one"
input cl.example.com ',"public_keys":["clear",{}]'; try
is "$RC$(cat "$SSH_PUB_KEYS")" 0 "clears the list"
echo '[' >"$T/input"; try
is "$RC" 1 "refuses garbage"
done_testing
