#!/usr/bin/env python3
"""hail --explain tells the truth: each limit it names is removed, and what it excluded is possible then. TAP.

explain.py HAIL MKREQUEST: requests are invented; of every explanation each kind of limit is tried once."""

import copy
import json
import subprocess
import sys
import tempfile

from tap import check, done

HAIL, MKREQUEST = sys.argv[1:3]
BIG = 1 << 40
tried = {}


def explain(request, instance=None):
  with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
    json.dump(request, f)
    f.flush()
    r = subprocess.run([HAIL, "--explain=json", f.name], capture_output=True, text=True, timeout=60)
  told = json.loads(r.stderr.splitlines()[-1])
  return json.loads(r.stdout), [t for t in told if instance is None or t["instance"] == instance][0]


def migrate_anywhere(request):
  request["cluster_tags"] = [t for t in request["cluster_tags"] if not t.startswith("htools:migration:")]


def relieve(request, entry, instance=None):
  """The request without the limit that ENTRY names."""
  limit, q, node = entry["limit"], request["request"], request["nodes"].get(entry["node"])
  if instance is not None:
    q = request["instances"][instance]
  if limit in ("exclusion-tag", "affinity", "antiaffinity"):
    q["tags"] = []
  elif limit in ("memory", "n+1", "forthcoming-memory"):
    node["total_memory"] += BIG
    node["free_memory"] += BIG
  elif limit in ("disk", "forthcoming-disk"):
    node["total_disk"] += BIG
    node["free_disk"] += BIG
  elif limit in ("vcpu-ratio", "forthcoming-vcpu-ratio"):
    node["total_cpus"] += 100000
  elif limit in ("spindles", "forthcoming-spindles"):
    node["total_spindles"] += 100000
    node["free_spindles"] += 100000
  elif limit in ("spindle-ratio", "forthcoming-spindle-ratio"):
    node["ndparams"]["spindle_count"] += 100000
  elif limit == "policy":
    for m in request["nodegroups"][node["group"]]["ipolicy"]["minmax"]:
      for key in m["max"]:
        m["min"][key], m["max"][key] = 0, BIG
    request["nodegroups"][node["group"]]["ipolicy"]["disk-templates"].append(q["disk_template"])
  elif limit == "migration-tag":
    migrate_anywhere(request)
  elif limit == "redundancy":
    migrate_anywhere(request)
    for name, other in request["nodes"].items():
      if name != entry["node"]:
        other["offline"] = other["drained"] = False
        for key in ("total_memory", "free_memory", "total_disk", "free_disk"):
          other[key] += BIG
  else:
    return False
  return True


def find(told, nodes):
  return [c for c in told["candidates"] if c["nodes"] == nodes][0]


def one(request, entry, what, instance=None):
  """Remove limits until the candidate is possible; each time another one must be named."""
  named = []
  while not entry["possible"]:
    named.append((entry["limit"], entry["node"]))
    if len(named) > 8 or len(set(named)) < len(named) or not relieve(request, entry, instance):
      check(False, what, "%s: %s" % (named, json.dumps(entry)))
      return
    _, told = explain(request, instance)
    entry = find(told, entry["nodes"])
  check(True, "%s: possible without %s" % (what, ", ".join(n[0] for n in named)))


def excluded(request, entry, what):
  """Nodes that are not asked come into question when the reason is gone."""
  node = request["nodes"][entry["node"]]
  if entry["limit"] == "offline":
    node["offline"] = node["drained"] = False
    node["vm_capable"] = True
  elif entry["limit"] == "restricted":
    request["request"].pop("restrict-to-nodes")
  else:
    return
  _, told = explain(request)
  check(any(entry["node"] in c["nodes"] for c in told["candidates"]), what)


for traits in ("full tags", "full drbd", "drbd tight", "spindles", "forthcoming full", "offline drbd", "restricted", "big", "drbd skewed", "locations pools"):
  for seed in range(1, 7):
    words = ["allocate", str(seed), "6", "30"] + traits.split()
    request = json.loads(subprocess.run([MKREQUEST] + words, capture_output=True, text=True, check=True).stdout)
    reply, told = explain(request)
    name = " ".join(words)
    chosen = [c for c in told["candidates"] if c.get("chosen")]
    if reply["success"]:
      check([c["nodes"] for c in chosen] == [reply["result"]], name + ": the answer is the one marked as chosen", str(chosen))
    else:
      check(not chosen, name + ": nothing is marked as chosen")
    for entry in told["candidates"]:
      if entry["possible"] or tried.setdefault((entry["limit"], traits), 0) >= 2:
        continue
      tried[(entry["limit"], traits)] += 1
      one(copy.deepcopy(request), entry, "%s: %s on %s" % (name, entry["limit"], "+".join(entry["nodes"])))
    for entry in told["excluded"][:1]:
      excluded(copy.deepcopy(request), entry, "%s: %s" % (name, entry["limit"]))



def leaving_instances(request):
  q = request["request"]
  return [q["name"]] if "name" in q else q["instances"]


def result_of(reply, told):
  """The nodes that the reply says the instance gets, or None."""
  if not reply["success"]:
    return None
  if isinstance(reply["result"][0], str):
    return reply["result"]
  return next((m[2] for m in reply["result"][0] if m[0] == told["instance"]), None)


def brought_in(request, entry, instance, what):
  """A node that was not asked is, when the reason is gone."""
  node = request["nodes"][entry["node"]]
  if entry["limit"] == "offline":
    node["offline"] = node["drained"] = False
    node["vm_capable"] = True
  elif entry["limit"] == "evacuated":
    request["request"]["instances"] = [instance]
  elif entry["limit"] == "group":
    own = request["nodes"][request["instances"][instance]["nodes"][0]]["group"]
    if request["request"]["type"] == "change-group":
      return
    node["group"] = own
  else:
    return
  _, told = explain(request, instance)
  seen = any(entry["node"] in c["nodes"] for c in told["candidates"])
  now = next((e["limit"] for e in told["excluded"] if e["node"] == entry["node"]), None)
  check(seen or now != entry["limit"], what, "still: %s" % now)


for kind in ("relocate", "node-evacuate", "change-group"):
  for traits in ("full tags drbd", "full skewed drbd groups=2", "drbd tags groups=2", "spindles drbd groups=2", "offline drbd", "shared full tags", "locations pools drbd", "shared locations pools"):
    for seed in range(1, 5):
      words = [kind, str(seed), "10", "60"] + traits.split()
      request = json.loads(subprocess.run([MKREQUEST] + words, capture_output=True, text=True, check=True).stdout)
      for instance in leaving_instances(request)[:3]:
        reply, told = explain(request, instance)
        name = "%s, %s" % (" ".join(words), instance)
        chosen = [c["nodes"] for c in told["candidates"] if c.get("chosen")]
        want = result_of(reply, told)
        if want is None:
          check(not chosen, name + ": nothing is marked as chosen")
        elif kind == "relocate":
          check(len(chosen) == 1 and chosen[0][-1] == want[0], name + ": the answer is marked as chosen", str(chosen))
        else:
          check(chosen == [want], name + ": the answer is marked as chosen", "%s %s" % (chosen, want))
        gains = [c["gain"] for c in told["candidates"] if "gain" in c]
        if want is not None and gains:
          best = [c["gain"] for c in told["candidates"] if c.get("chosen")][0]
          check(best > max(gains) - 1e-6, name + ": nothing gains more")
        for entry in told["candidates"]:
          key = (entry.get("limit"), kind, traits)
          if entry["possible"] or tried.setdefault(key, 0) >= 1:
            continue
          tried[key] += 1
          one(copy.deepcopy(request), entry, "%s: %s on %s" % (name, entry["limit"], "+".join(entry["nodes"])), instance)
        for entry in told["excluded"]:
          key = (entry["limit"], kind)
          if tried.setdefault(key, 0) < 1:
            tried[key] += 1
            brought_in(copy.deepcopy(request), entry, instance, "%s: %s" % (name, entry["limit"]))

limits = sorted({key[0] for key in tried})
check({"affinity", "antiaffinity"} < set(limits) and len(limits) >= 8, "limits that were met: " + ", ".join(limits))
done()
