#!/usr/bin/env python3
"""hail --explain, each limit for each kind of request: one node gets the limit, which must be what is named for it; then it
is taken away again, and the candidate must be possible. TAP.

explain_each.py HAIL"""

import copy
import json
import os
import subprocess
import sys
import tempfile

from tap import check, done

HAIL = sys.argv[1]
BIG = 1 << 40
T = "b2"  # the node with the limit


def instance(template, nodes=None, **kwargs):
  base = {"tags": [], "memory": 1024, "vcpus": 2, "spindle_use": 1, "disks": [{"size": 2048, "mode": "rw", "spindles": 2}],
          "disk_space_total": 2048, "disk_template": template, "nics": [], "os": "x", "hypervisor": "xen-pvm"}
  if nodes:
    base.update(nodes=nodes, admin_state="up")
  base.update(kwargs)
  return base


def cluster():
  """Group b has the nodes that matter; a is another one. Nobody's memory is missing."""
  def spec(memory, disk, n):
    return {"memory-size": memory, "disk-size": disk, "cpu-count": n, "disk-count": n, "nic-count": 0, "spindle-use": n}
  policy = {"std": spec(128, 1024, 1), "minmax": [{"min": spec(128, 128, 1), "max": spec(BIG, BIG, 10000)}],
            "disk-templates": ["rbd", "drbd", "plain"], "vcpu-ratio": 4.0, "spindle-ratio": 32.0}
  q = {"version": 2, "cluster_name": "c", "cluster_tags": [], "enabled_hypervisors": ["xen-pvm"], "ipolicy": policy, "instances": {},
       "nodes": {}, "nodegroups": {}}
  for g in "ab":
    q["nodegroups"]["uuid-" + g] = {"name": g, "alloc_policy": "preferred", "ipolicy": copy.deepcopy(policy), "tags": [],
                                    "networks": ["net"]}
    for n in "12345":
      q["nodes"][g + n] = {
        "tags": [], "offline": False, "drained": False, "vm_capable": True, "group": "uuid-" + g, "total_memory": 65536,
        "reserved_memory": 1024, "free_memory": 64512, "total_disk": 1000000, "free_disk": 1000000, "total_spindles": 1000,
        "free_spindles": 1000, "total_cpus": 64, "reserved_cpus": 1,
        "ndparams": {"spindle_count": 1000, "exclusive_storage": False, "cpu_speed": 1.0}}
  return q


# --- requests: what is asked for the instance "i", and the roles that T may get ---

def allocate(q, template):
  q["request"] = dict(instance(template), type="allocate", name="i", required_nodes=2 if template == "drbd" else 1)
  return q["request"]


def multi_allocate(q, template):
  i = dict(instance(template), name="i", required_nodes=2 if template == "drbd" else 1)
  q["request"] = {"type": "multi-allocate", "instances": [dict(instance("rbd"), name="other", required_nodes=1), i]}
  return i


def allocate_secondary(q, _template):
  q["request"] = {"type": "allocate-secondary", "name": "i"}
  q["instances"]["i"] = instance("plain", ["b1"])
  return q["instances"]["i"]


def leaves(kind, at="b1", other="b3", **kwargs):
  def request(q, template):
    nodes = [at, other] if template == "drbd" else [at]
    q["instances"]["i"] = instance(template, nodes)
    q["request"] = dict(kwargs, type=kind)
    if kind == "relocate":
      q["request"].update(name="i", required_nodes=1, relocate_from=nodes[-1:])
    else:
      q["request"].update(instances=["i"])
    return q["instances"]["i"]
  return request


REQUESTS = [  # name, how, template, role of T
  ("allocate", allocate, "rbd", 0), ("allocate", allocate, "drbd", 0), ("allocate", allocate, "drbd", 1),
  ("allocate", allocate, "plain", 0),
  ("multi-allocate", multi_allocate, "rbd", 0), ("multi-allocate", multi_allocate, "drbd", 0),
  ("multi-allocate", multi_allocate, "drbd", 1),
  ("allocate-secondary", allocate_secondary, "drbd", 1),
  ("relocate", leaves("relocate"), "rbd", 0), ("relocate", leaves("relocate"), "drbd", 1),
  ("node-evacuate primary-only", leaves("node-evacuate", evac_mode="primary-only"), "rbd", 0),
  ("node-evacuate primary-only", leaves("node-evacuate", evac_mode="primary-only", other=T), "drbd", 0),
  ("node-evacuate secondary-only", leaves("node-evacuate", evac_mode="secondary-only"), "drbd", 1),
  ("node-evacuate all", leaves("node-evacuate", evac_mode="all"), "drbd", 0),
  ("node-evacuate all", leaves("node-evacuate", evac_mode="all"), "drbd", 1),
  ("change-group", leaves("change-group", at="a1", other="a3", target_groups=["uuid-b"]), "rbd", 0),
  ("change-group", leaves("change-group", at="a1", other="a3", target_groups=["uuid-b"]), "drbd", 0),
  ("change-group", leaves("change-group", at="a1", other="a3", target_groups=["uuid-b"]), "drbd", 1),
]


# --- limits: how T gets one, and how it loses it ---

def memory(q, _i):
  q["nodes"][T].update(total_memory=1024 + 600, free_memory=600)


def more_memory(q, _i):
  q["nodes"][T].update(total_memory=BIG, free_memory=BIG - 1024)


def nplus1(q, i):
  """Much is kept for a failure of another node."""
  q["instances"]["kept"] = instance("drbd", ["b5", T], memory=40000)
  q["nodes"]["b5"]["free_memory"] -= 40000
  i["memory"] = 25000


def disk(q, _i):
  q["nodes"][T].update(total_disk=3000, free_disk=1000)


def more_disk(q, _i):
  q["nodes"][T].update(total_disk=BIG, free_disk=BIG)


def processors(q, i):
  q["nodes"][T].update(total_cpus=1)
  i["vcpus"] = 8


def more_processors(q, _i):
  q["nodes"][T].update(total_cpus=1000)


def spindles(q, _i):
  q["nodes"][T]["ndparams"]["exclusive_storage"] = True
  q["nodes"][T].update(total_spindles=10, free_spindles=1)


def more_spindles(q, _i):
  q["nodes"][T].update(total_spindles=10, free_spindles=10)


def spindle_ratio(q, i):
  q["nodes"][T]["ndparams"]["spindle_count"] = 1
  i["spindle_use"] = 40


def more_count(q, _i):
  q["nodes"][T]["ndparams"]["spindle_count"] = 1000


def not_kept(q, _i):
  del q["instances"]["kept"]
  q["nodes"]["b5"]["free_memory"] += 40000


def forthcoming(impose=None, template="rbd", **kwargs):
  def limit(q, i):
    if impose:
      impose(q, i)
    q["instances"]["soon"] = instance(template, [T], forthcoming=True, **kwargs)
  return limit


def exclusive(q, _i):
  q["nodes"][T]["ndparams"]["exclusive_storage"] = True
  q["nodes"][T].update(total_spindles=10, free_spindles=10)


def few(q, i):
  q["nodes"][T]["ndparams"]["spindle_count"] = 1
  i["spindle_use"] = 2


def not_soon(q, _i):
  del q["instances"]["soon"]


def tagged(rule, at):
  def limit(q, i):
    q["cluster_tags"] += rule
    q["instances"]["tagged"] = instance("rbd", [at], tags=["service:x"])
    i["tags"] = ["service:x"]
  return limit


def untagged(_q, i):
  i["tags"] = []


def migration(q, i):
  q["cluster_tags"].append("htools:migration:hv")
  q["nodes"][i["nodes"][0]]["tags"].append("hv:new")
  if len(i["nodes"]) > 1:
    q["nodes"][i["nodes"][1]]["tags"].append("hv:new")


def anywhere(q, _i):
  q["cluster_tags"].remove("htools:migration:hv")


def policy(key, least, most):
  def limit(q, _i):
    for m in q["nodegroups"]["uuid-b"]["ipolicy"]["minmax"]:
      m["min"][key], m["max"][key] = least, most
  return limit


def no_policy(q, _i):
  q["nodegroups"]["uuid-b"]["ipolicy"] = copy.deepcopy(q["nodegroups"]["uuid-a"]["ipolicy"])


def no_template(q, i):
  q["nodegroups"]["uuid-b"]["ipolicy"]["disk-templates"].remove("drbd" if q["request"]["type"] == "allocate-secondary" else i["disk_template"])


def redundancy(q, i):
  """What is on b4 could go to T only, by its size, before I is there."""
  for n in ("b1", "b3", "b5"):
    q["nodes"][n].update(total_memory=30000, free_memory=29000 - (1024 if n in i.get("nodes", []) else 0))
  q["instances"]["large"] = instance("rbd", ["b4"], memory=50000)
  q["nodes"]["b4"]["free_memory"] -= 50000
  i["memory"] = 20000


def others_large(q, _i):
  for n in ("b1", "b3", "b5"):
    q["nodes"][n].update(total_memory=BIG, free_memory=BIG - 1024)


def comes(name, template, _role):
  """To a node where it is not yet, in any role."""
  return not (name.endswith("primary-only") and template == "drbd")


def local(name, template, role):
  """... with its disks."""
  return template != "rbd" and comes(name, template, role)


def runs(name, _template, role):
  """As primary, which it is not yet."""
  return role == 0 and name != "node-evacuate all"


def moves(name, template, role):
  return not name.startswith(("allocate", "multi")) and role == 0 and template == "rbd"


def places(name, _template, _role):
  """Requests that look at policies."""
  return name.startswith(("allocate", "multi", "change"))


def new_places(name, template, _role):
  return name in ("allocate", "multi-allocate") and template == "rbd"


SMALL = {"memory": 128}
LIMITS = [  # name, imposed, removed, for what
  ("memory", memory, more_memory, comes),
  ("n+1", nplus1, not_kept, runs),
  ("disk", disk, more_disk, local),
  ("vcpu-ratio", processors, more_processors, runs),
  ("spindles", spindles, more_spindles, local),
  ("spindle-ratio", spindle_ratio, more_count, local),
  ("forthcoming-memory", forthcoming(memory=64000), not_soon, comes),
  ("forthcoming-disk", forthcoming(template="plain", disk_space_total=999000, disks=[{"size": 999000, "spindles": 1}], **SMALL), not_soon,
   local),
  ("forthcoming-vcpu-ratio", forthcoming(vcpus=254, **SMALL), not_soon, runs),
  ("forthcoming-spindles", forthcoming(exclusive, template="plain", disks=[{"size": 2048, "spindles": 9}], **SMALL), not_soon, local),
  ("forthcoming-spindle-ratio", forthcoming(few, template="plain", spindle_use=31, **SMALL), not_soon, local),
  ("exclusion-tag", tagged(["htools:iextags:service"], T), untagged, runs),
  ("antiaffinity", tagged(["htools:antiaffinity:node:service"], T), untagged, runs),
  ("affinity", tagged(["htools:affinity:node:service"], "b4"), untagged, runs),
  ("migration-tag", migration, anywhere, moves),
  ("policy", policy("memory-size", 128, 512), no_policy, places),
  ("policy", policy("memory-size", 4096, 8192), no_policy, places),
  ("policy", policy("disk-size", 128, 1024), no_policy, places),
  ("policy", policy("cpu-count", 4, 8), no_policy, places),
  ("policy", policy("spindle-use", 4, 8), no_policy, places),
  ("policy", policy("disk-count", 2, 8), no_policy, places),
  ("policy", no_template, no_policy, places),
  ("redundancy", redundancy, others_large, new_places),
]


def explain(q, args=()):
  with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
    json.dump(q, f)
    f.flush()
    r = subprocess.run([HAIL, "--explain=json"] + list(args) + [f.name], capture_output=True, text=True, timeout=60)
  told = json.loads(r.stderr.splitlines()[-1])
  return [t for t in told if t["instance"] == "i"][0]


def candidates(told, role):
  return [c for c in told["candidates"] if len(c["nodes"]) > role and c["nodes"][role] == T]


for (name, how, template, role) in REQUESTS:
  for (limit, impose, remove, fits) in LIMITS:
    if not fits(name, template, role):
      continue
    q = cluster()
    i = how(q, template)
    args = [] if limit == "redundancy" else ["--no-capacity-checks"]
    impose(q, i)
    told = explain(q, args)
    before = candidates(told, role)
    remove(q, i)
    after = candidates(explain(q, args), role)
    text = "%s, %s, %s node: %s" % (name, template, ["primary", "secondary"][role], limit)
    named = {(c.get("limit"), c.get("node")) for c in before if not c["possible"]}
    check(before and any(l == limit for (l, _) in named) and not any(c["possible"] for c in before), text + ": in the way",
          "%s %s" % (named, before[:2] or told))
    check(after and all(c["possible"] for c in after), text + ": gone",
          [c for c in after if not c["possible"]][:2])


# --- nodes that are not asked ---

def offline(q, _i):
  q["nodes"][T]["offline"] = True


def online(q, _i):
  q["nodes"][T]["offline"] = False


def drained(q, _i):
  q["nodes"][T]["drained"] = True


def not_drained(q, _i):
  q["nodes"][T]["drained"] = False


def restricted(q, _i):
  q["request"]["restrict-to-nodes"] = ["b1", "b3"]


def unrestricted(q, _i):
  del q["request"]["restrict-to-nodes"]


def network(q, i):
  i["nics"] = [{"mac": "aa:00:00:00:00:01", "network": "other"}]


def connected(q, _i):
  q["nodegroups"]["uuid-b"]["networks"].append("other")


def unallocable(q, _i):
  q["nodegroups"]["uuid-b"]["alloc_policy"] = "unallocable"


def allocable(q, _i):
  q["nodegroups"]["uuid-b"]["alloc_policy"] = "last_resort"


def evacuated(q, _i):
  q["instances"]["other"] = instance("rbd", [T])
  q["request"]["instances"].append("other")


def not_evacuated(q, _i):
  q["request"]["instances"].remove("other")


def is_new(name):
  return name in ("allocate", "multi-allocate")


EXCLUDED = [
  ("offline", offline, online, lambda name: name != "node-evacuate primary-only"),
  ("offline", drained, not_drained, lambda name: name != "node-evacuate primary-only"),
  ("restricted", restricted, unrestricted, lambda name: name == "allocate"),
  ("network", network, connected, is_new),
  ("unallocable", unallocable, allocable, is_new),
  ("evacuated", evacuated, not_evacuated, lambda name: name in ("node-evacuate all", )),
]
for (name, how, template, role) in REQUESTS:
  for (limit, impose, remove, fits) in EXCLUDED:
    if not fits(name):
      continue
    q = cluster()
    i = how(q, template)
    impose(q, i)
    told = explain(q, ["--no-capacity-checks"])
    text = "%s, %s: %s (%s)" % (name, template, limit, impose.__name__)
    check([e["limit"] for e in told["excluded"] if e["node"] == T] == [limit] or
          (limit == "unallocable" and not any(c.get("chosen") for c in candidates(told, role))), text + ": not asked", told["excluded"])
    remove(q, i)
    told = explain(q, ["--no-capacity-checks"])
    check(any(c["possible"] for c in candidates(told, role)) and T not in [e["node"] for e in told["excluded"]], text + ": asked",
          told["excluded"])


# --- memory as it is measured: reports of monitoring daemons ---

def measured(q, pages):
  """All instances of T together have so many pages in use."""
  reports = []
  for n in q["nodes"]:
    rss = {name: (pages if n == T else 1024) for (name, x) in q["instances"].items() if x["nodes"][0] == n}
    base = {"version": "B", "format_version": 1, "timestamp": 1, "category": None, "kind": 0}
    reports.append({"node": n, "reports": [dict(base, name="cpu-avg-load", data={"cpu_number": 2, "cpus": [0, 0], "cpu_total": 0}),
                                           dict(base, name="kvm-inst-rss", data=rss)]})
  return reports


for (name, how, template, role) in REQUESTS:
  if template != "rbd":
    continue
  q = cluster()
  i = how(q, template)
  q["enabled_hypervisors"] = ["kvm"]
  q["instances"]["there"] = instance("rbd", [T])
  q["nodes"][T]["free_memory"] -= 1024
  for (pages, possible) in ((61000 * 256, False), (1000 * 256, True)):
    with tempfile.TemporaryDirectory() as d:
      path = os.path.join(d, "mond")
      with open(path, "w") as f:
        reports = measured(q, pages)
        for r in reports:  # the one that moves uses what it was given
          for c in r["reports"]:
            if "i" in c["data"]:
              c["data"]["i"] = 262144
        json.dump(reports, f)
      told = candidates(explain(q, ["--no-capacity-checks", "--mond", "--mond-data=" + path, "--mond-kvm-rss"]), role)
    check(told and all(c["possible"] == possible and (possible or c["limit"] == "measured-memory") for c in told),
          "%s: %d pages in use: %s" % (name, pages, "possible" if possible else "measured-memory"), told[:2])

done()
