#!/bin/bash
# Distances between groups, as tags of the cluster tell them: what they change of where instances go.
. "$(dirname "$0")/../harness/tlib.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
python3 -c '' 2>/dev/null || skip_all "needs python3"
own_tools

# request GROUP:POLICY,... INSTANCE:NODE[:TAG],... REQUEST [TAG...]: groups of two equal nodes each, the first of which are a1,
# a2; instances of 1 GiB on shared storage; the tags are the cluster's. DEDICATED: so are the nodes.
request() {
	python3 - "$@" <<'END'
import json, os, sys
spec = lambda m, d, c: {"memory-size": m, "disk-size": d, "cpu-count": c, "disk-count": c, "nic-count": c, "spindle-use": c}
policy = {"std": spec(128, 1024, 1), "minmax": [{"min": dict(spec(128, 1024, 1), **{"nic-count": 0}), "max": spec(32768, 1048576, 16)}],
          "disk-templates": ["rbd", "drbd"], "vcpu-ratio": 4.0, "spindle-ratio": 32.0}
groups, instances, what, tags = sys.argv[1].split(","), sys.argv[2].split(","), json.loads(sys.argv[3]), sys.argv[4:]
def base(tag):
    return {"tags": [tag] if tag else [], "memory": 1024, "vcpus": 1, "spindle_use": 1, "os": "x", "disks": [{"size": 1024, "mode": "rw", "spindles": 1}],
            "disk_space_total": 0, "disk_template": "rbd", "hypervisor": "kvm", "nics": []}
q = {"version": 2, "cluster_name": "c", "cluster_tags": tags, "enabled_hypervisors": ["kvm"], "ipolicy": policy, "nodegroups": {},
     "nodes": {}, "instances": {}, "request": what}
count = {}
for i in [i.split(":") for i in instances if i]:
    q["instances"][i[0]] = dict(base(i[2] if len(i) > 2 else None), admin_state="up", nodes=[i[1]])
    count[i[1]] = count.get(i[1], 0) + 1
for k, g in enumerate(groups):
    name, policy_of = g.rsplit("/", 1) if "/" in g else (g, "preferred")
    q["nodegroups"]["uuid-%d" % k] = {"name": name, "alloc_policy": policy_of, "ipolicy": policy, "tags": [], "networks": []}
    for n in "12":
        node = "abcd"[k] + n
        q["nodes"][node] = {"tags": [], "offline": False, "drained": False, "vm_capable": True, "group": "uuid-%d" % k,
            "total_memory": 16384, "reserved_memory": 1024, "free_memory": 15360 - 1024 * count.get(node, 0), "total_disk": 1000000,
            "free_disk": 1000000, "free_spindles": 16 - count.get(node, 0), "total_spindles": 16, "total_cpus": 32, "reserved_cpus": 1,
            "ndparams": {"spindle_count": 1, "exclusive_storage": "DEDICATED" in os.environ, "cpu_speed": 1.0}}
def fill(x):
    return dict(base(x.pop("tag", None)), required_nodes=1, **x)
if what["type"] == "allocate":
    q["request"] = fill(what)
elif what["type"] == "multi-allocate":
    what["instances"] = [fill(x) for x in what["instances"]]
json.dump(q, sys.stdout)
END
}
# goes REQUEST...: where the instances go by hail, by the letter of their groups
goes() {
	request "$@" >asked
	hail --explain=json asked 2>err >out
	python3 -c 'import json
r = json.load(open("out"))
if not r["success"]: print(r["info"])
elif isinstance(r["result"][0], str): print(r["result"][0][0])
else: print(*[x[-1][0][0] for x in r["result"][0]])'
}
d=htools:distance:
change='{"type": "change-group", "instances": ["i1"], "target_groups": []}'
three=near,mid,far

# An instance that leaves its group: all others are equal
is "$(goes $three i1:a1 "$change")" c "without tags the last of equal groups"
unlike "$(cat err)" distance "and nothing is said of distances"
is "$(goes $three i1:a1 "$change" ${d}near:mid:1 ${d}near:far:2)" b "a nearer group"
like "$(cat err)" '\{"group": ?"far", ?"distance": ?2(\.0)?, ?"score": ?[0-9.e-]+, ?"chosen": ?false\}' "the farther one is explained"
like "$(cat err)" '\{"group": ?"mid", ?"distance": ?1(\.0)?, ?"score": ?[0-9.e-]+, ?"chosen": ?true\}' "and the chosen one"
hail --explain asked >/dev/null 2>text
like "$(cat text)" $'\n  group far: score [0-9.]+ \\+ distance 2.0\n' "for people, too"
like "$(cat text)" $'\n  group mid: score [0-9.]+ \\+ distance 1.0, chosen\n' "(both)"
is "$(goes $three i1:b1 "$change" ${d}near:mid:1 ${d}mid:far:2)" a "for both ways"
is "$(goes $three i1:a1 "$change" ${d}near:far:0.001)" b "what is not told is nearest"
is "$(goes $three i1:a1 "$change" ${d}uuid-0:uuid-2:1)" b "groups by UUID"
is "$(goes a:b,mid,far i1:a1 "$change" ${d}a:b:far:1)" b "a name with a colon"
is "$(goes $three i1:a1 "$change" ${d}near:far:2 ${d}far:near:0 ${d}near:mid:1)" c "the last tag counts"
is "$(goes near,mid,far/last_resort i1:a1 "$change" ${d}near:mid:50)" b "policies of groups come first"
is "$(goes $three i1:a1 "${change/[]/[\"uuid-2\"]}" ${d}near:far:9)" c "a group that is asked for is taken, how far it may be"

# In the unit of the score: b is fuller than c
full=i1:a1,x1:b1,x2:b1,x3:b2,x4:b2
is "$(goes $three $full "$change" ${d}near:far:0.0001)" c "a better score outweighs a little distance"
is "$(goes $three $full "$change" ${d}near:far:50)" b "but not a large one"

# A new one is near to nobody but those it is to be together with
new='{"type": "allocate", "name": "new", "tag": "web"}'
is "$(goes $three i1:a1:web "$new" ${d}near:far:1)" c "what is not to be together has no distance"
together=htools:soft-affinity:group:web
is "$(goes $three i1:b1:web,x1:a1,x2:c1 "$new" $together)" b "together as it is"
full=i1:b1:web,x1:b1,x2:b1,x3:b2,x4:b2
is "$(goes near,mid/unallocable,far $full "$new" $together ${d}mid:far:1)" a "as near as may be to the one it belongs to"
is "$(goes near,mid/unallocable,far $full "$new" $together ${d}mid:near:1)" c "(the other way)"
is "$(goes near,mid/unallocable,far $full,i2:c1:web,i3:c2:web "${new/web/db}" ${together/web/db} ${d}mid:far:1)" "$(
	goes near,mid/unallocable,far $full,i2:c1:web,i3:c2:web "${new/web/db}")" "others do not matter"
like "$(request $three i1:a1:web "$new" $together ${d}near:far:1 >asked && hail asked)" 'Group far \(preferred\): score: [0-9.]+, distance: 1.0, successes' \
	"the log has it"

unlike "$(request $three i1:a1:web "${new%\}}, \"group_name\": \"far\"}" $together ${d}near:far:1 >asked && hail asked)" distance \
	"not where a group was asked for"

# Several at once: the first draws the second
two='{"type": "multi-allocate", "instances": [{"name": "n1", "tag": "web"}, {"name": "n2", "tag": "web"}]}'
apart=htools:antiaffinity:group:web
is "$(goes near/last_resort,mid,far,away '' "$two" $apart)" "d c" "apart by groups"
is "$(goes near/last_resort,mid,far,away '' "$two" $apart htools:soft-affinity:node:web ${d}away:far:3)" "d b" "and as near as may be"
is "$(goes $three i1:a1:web "$new" htools:affinity:group:web)" a "together by groups"
evacuate='{"type": "node-evacuate", "instances": ["i1"], "evac_mode": "primary-only"}'
is "$(goes $three i1:b1:web,i2:b2:web "$evacuate" $apart)" b "within a group that is of no concern"
is "$(goes $three i1:b1:web,i2:a1:web "$evacuate" htools:affinity:group:web)" b "(together)"

# An instance that moves is near to both
is "$(goes $three,away i1:a1:web,i2:d1:web "${change/[]/[\"uuid-1\", \"uuid-2\"]}" $together ${d}away:far:3 ${d}near:mid:1)" b "both count: 1 is less than 3"
is "$(goes $three,away i1:a1:web,i2:d1:web "${change/[]/[\"uuid-1\", \"uuid-2\"]}" $together ${d}away:far:3 ${d}near:mid:4)" c "(3 than 4)"

# Dedicated nodes are compared by what else could be allocated: a distance decides where that is equal
export DEDICATED=1
pair=near,mid,far/unallocable
is "$(goes $pair i1:c1:web "$new" $together)" b "dedicated nodes: the last of those that are equal"
is "$(goes $pair i1:c1:web "$new" $together ${d}far:mid:1)" a "a nearer one"
like "$(hail asked)" 'score: \(\[[0-9,]*\],[0-9]+\), distance: 1.0, successes' "with its distance"
unset DEDICATED

# What is wrong is passed over, and told
for wrong in near:mid near:nosuch:1 near:mid:x near:mid:-1 near:mid:NaN near:mid:1e999 near:mid:Infinity near:near:1 :: near:mid: 1 :near:mid:1; do
	is "$(goes $three i1:a1 "$change" $d$wrong)" c "passed over: $wrong"
	like "$(cat err)" "tag $d$wrong is (not about two groups of the cluster|no distance|about one group)"$'\n' "and told"
done
is "$(goes a,b:c,a:b,c i1:d1 "$change" ${d}a:b:c:1)" c "nor what can be read in two ways"
like "$(cat err)" "can be read in several ways" "and told"
request $three i1:a1 "$change" ${d}near:x:1 >asked
hail asked >/dev/null 2>err -S saved
hbal -t saved.pre-ialloc -G near >out 2>&1
like "$(cat out)" "tag ${d}near:x:1 is not about two groups of the cluster" "by other programs, too"
done_testing
