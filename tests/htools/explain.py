#!/usr/bin/env python3
"""hail --explain tells the truth: each limit it names is removed, and what it excluded is possible then. TAP.

explain.py HAIL MKREQUEST: requests are invented; of every explanation each kind of limit is tried once."""

import copy
import json
import subprocess
import sys
import tempfile

HAIL, MKREQUEST = sys.argv[1:3]
BIG = 1 << 40
number = 0
failed = 0
tried = {}


def check(good, text, note=""):
  global number, failed
  number += 1
  print("%sok %d - %s" % ("" if good else "not ", number, text))
  if not good:
    failed += 1
    for line in note.splitlines():
      print("# " + line)


def explain(request):
  with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
    json.dump(request, f)
    f.flush()
    r = subprocess.run([HAIL, "--explain=json", f.name], capture_output=True, text=True, timeout=60)
  return json.loads(r.stdout), json.loads(r.stderr.splitlines()[-1])[0]


def relieve(request, entry):
  """The request without the limit that ENTRY names."""
  limit, q, node = entry["limit"], request["request"], request["nodes"].get(entry["node"])
  if limit == "exclusion-tag":
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
  elif limit == "redundancy":
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


def one(request, entry, what):
  """Remove limits until the candidate is possible; each time another one must be named."""
  named = []
  while not entry["possible"]:
    named.append((entry["limit"], entry["node"]))
    if len(named) > 8 or len(set(named)) < len(named) or not relieve(request, entry):
      check(False, what, "%s: %s" % (named, json.dumps(entry)))
      return
    _, told = explain(request)
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


for traits in ("full tags", "full drbd", "drbd tight", "spindles", "forthcoming full", "offline drbd", "restricted", "big", "drbd skewed"):
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

limits = sorted({limit for limit, _ in tried})
check(len(limits) >= 6, "limits that were met: " + ", ".join(limits))
print("1..%d" % number)
sys.exit(failed > 0)
