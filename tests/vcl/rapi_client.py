"""Every method of Debian's REST client against a cluster in the recorded state; called by 0900-rapi-client.t.

rapi_client.py HOST PORT UNIMPLEMENTED: the last is a file with the names of opcodes that are not there yet. Each
method either does what it is for, or is refused with exactly the error this state deserves, or with the one of an
opcode that is not there yet. Prints TAP without a plan.
"""
import inspect
import re
import sys

import pycurl
from ganeti.rapi import client

host, port, listed = sys.argv[1:]
MISSING = set(re.findall(r"OP_[A-Z_]+", open(listed).read()))
called, refused, failed_jobs = set(), set(), set()
NEW, INST = "inst30.example.com", "inst4.example.com"
NODE1, NODE2, NODE3 = ("node%d.example.com" % k for k in (1, 2, 3))


def report(good, text, why=""):
    print("%sok - rapi client: %s" % ("" if good else "not ", text))
    for line in str(why).splitlines()[:6] if not good else ():
        print("# " + line[:2000])
    sys.stdout.flush()


def curl_config(curl, logger):
    curl.setopt(pycurl.SSL_VERIFYPEER, False)
    curl.setopt(pycurl.SSL_VERIFYHOST, False)
    curl.setopt(pycurl.TIMEOUT, 120)


cl = client.GanetiRapiClient(host, port=int(port), username="admin", password="secret", curl_config_fn=curl_config)


def call(name, *args, **kwargs):
    called.add(name)
    return getattr(cl, name)(*args, **kwargs)


def value(check, name, *args, **kwargs):
    """The method answers, and CHECK likes it."""
    try:
        got = call(name, *args, **kwargs)
    except client.GanetiApiError as err:
        report(False, name, "%s: %s" % (err.code, err))
        return None
    report(check(got), name, got)
    return got


def refusal(code, text, name, *args, **kwargs):
    """The method is refused with that status and text."""
    try:
        got = call(name, *args, **kwargs)
    except client.GanetiApiError as err:
        report(err.code == code and re.search(text, str(err)), "%s is refused with %d" % (name, code),
               "%s: %s" % (err.code, err))
    else:
        report(False, "%s is refused with %d" % (name, code), got)


def job(op, name, *args, error=None, **kwargs):
    """The method makes a job of OP that succeeds, or ends with that ERROR."""
    try:
        number = call(name, *args, **kwargs)
    except client.GanetiApiError as err:
        if op in MISSING:
            refused.add(name)
            want = "%s is not supported by this version" % op
            report(err.code == 400 and want in str(err), "%s is refused: %s is not there yet" % (name, op),
                   "%s: %s" % (err.code, err))
        else:
            report(False, name, "%s: %s" % (err.code, err))
        return None
    if op in MISSING:
        report(False, "%s: %s is said to be missing" % (name, op), number)
        return None
    call("WaitForJobCompletion", number, period=0.05, retries=1000)
    got = cl.GetJobStatus(number)
    last = got["ops"][-1]["OP_ID"]
    if error:
        failed_jobs.add(name)
        report(got["status"] == "error" and re.search(error, str(got["opresult"])) and last == op,
               "%s: a job that fails as it should" % name, got)
    else:
        report(got["status"] == "success" and op in [o["OP_ID"] for o in got["ops"]], "%s: a job" % name, got)
    return got


def has(*items):
    return lambda got: all(i in got for i in items)


# --- the cluster ---
value(lambda v: v == 2, "GetVersion")
value(has("instance-create-reqv1", "instance-reinstall-reqv1", "node-migrate-reqv1", "node-evac-res1"), "GetFeatures")
value(lambda v: sorted(v) == ["dumpos+alt", "dumpos+default", "noop"], "GetOperatingSystems")
value(lambda v: v["name"] == "cl.example.com" and v["vg_name"] == v["volume_group_name"], "GetInfo", reason="why")
job("OP_CLUSTER_REDIST_CONF", "RedistributeConfig", reason="why")
job("OP_CLUSTER_SET_PARAMS", "ModifyCluster", candidate_pool_size=9)
refusal(403, "compression_tools cannot be set", "ModifyCluster", compression_tools=["gzip"])
refusal(400, "doesn't support the parameter|doesn&#x27;t support", "ModifyCluster", nonsense=1)
value(lambda v: sorted(v) == ["ctag1", "htools:iextags:rack"], "GetClusterTags")
job("OP_TAGS_SET", "AddClusterTags", ["one", "two"])
job("OP_TAGS_SET", "AddClusterTags", ["three"], dry_run=True)
job("OP_TAGS_DEL", "DeleteClusterTags", ["one", "two"])
value(lambda v: sorted(v) == ["ctag1", "htools:iextags:rack"], "GetClusterTags")

# --- jobs ---
jobs = value(lambda v: v and all(isinstance(i, int) for i in v), "GetJobs")
value(lambda v: v and v[0]["status"] == "success", "GetJobs", bulk=True)
value(lambda v: v["status"] == "success", "GetJobStatus", jobs[0])
value(lambda v: v is True, "WaitForJobCompletion", jobs[0], period=0.05)
value(lambda v: v["job_info"] == ["success"], "WaitForJobChange", jobs[0], ["status"], None, None)
value(lambda v: v == [False, "Job %d not found in queue" % jobs[0]], "CancelJob", jobs[0])

# --- nodes ---
value(lambda v: v == [NODE1, NODE2, NODE3], "GetNodes")
value(lambda v: all(n["mtotal"] > 0 for n in v) and len(v) == 3, "GetNodes", bulk=True)
value(lambda v: v["secondary_ip"] == v["sip"] and v["name"] == NODE1, "GetNode", NODE1)
refusal(404, "", "GetNode", "nosuch.example.com")
value(lambda v: v == "master", "GetNodeRole", NODE1)
job("OP_NODE_SET_PARAMS", "SetNodeRole", NODE3, "offline")
value(lambda v: v == "offline", "GetNodeRole", NODE3)
job("OP_NODE_SET_PARAMS", "SetNodeRole", NODE3, "regular", auto_promote=True)
refusal(400, "Can.*t set .*nonsense.* role", "SetNodeRole", NODE3, "nonsense")
job("OP_NODE_SET_PARAMS", "ModifyNode", NODE3, drained=True)
job("OP_NODE_SET_PARAMS", "ModifyNode", NODE3, drained=False)
job("OP_NODE_POWERCYCLE", "PowercycleNode", NODE3, force=True)
job("OP_NODE_EVACUATE", "EvacuateNode", NODE3, mode="primary-only", iallocator="hail")
job("OP_NODE_MIGRATE", "MigrateNode", NODE3, mode="live")
job("OP_NODE_QUERY_STORAGE", "GetNodeStorageUnits", NODE1, "file", "name,size,free")
refusal(400, "Missing the required", "GetNodeStorageUnits", NODE1, "file", "")
job("OP_NODE_MODIFY_STORAGE", "ModifyNodeStorageUnits", NODE1, "lvm-pv", "/dev/x", allocatable=True)
job("OP_REPAIR_NODE_STORAGE", "RepairNodeStorageUnits", NODE1, "lvm-vg", "xenvg")
value(lambda v: v == ["ntag1"], "GetNodeTags", NODE2)
job("OP_TAGS_SET", "AddNodeTags", NODE2, ["x"])
job("OP_TAGS_DEL", "DeleteNodeTags", NODE2, ["x"])

# --- groups ---
value(lambda v: v == ["default", "grp2"], "GetGroups")
value(lambda v: v[0]["node_cnt"] == 3, "GetGroups", bulk=True)
value(lambda v: v["node_list"] == [NODE1, NODE2, NODE3], "GetGroup", "default")
refusal(404, "", "GetGroup", "nosuch")
job("OP_GROUP_ADD", "CreateGroup", "grp9", alloc_policy="preferred")
job("OP_GROUP_SET_PARAMS", "ModifyGroup", "grp9", alloc_policy="unallocable")
job("OP_GROUP_RENAME", "RenameGroup", "grp9", "grp10")
job("OP_GROUP_ASSIGN_NODES", "AssignGroupNodes", "grp10", [NODE3])
job("OP_GROUP_ASSIGN_NODES", "AssignGroupNodes", "default", [NODE3], force=True)
job("OP_GROUP_REMOVE", "DeleteGroup", "grp10")
value(lambda v: v == ["gtag1"], "GetGroupTags", "default")
job("OP_TAGS_SET", "AddGroupTags", "default", ["x"])
job("OP_TAGS_DEL", "DeleteGroupTags", "default", ["x"])

# --- networks ---
value(lambda v: v == ["net1"], "GetNetworks")
value(lambda v: v[0]["gateway"] == "192.0.2.1", "GetNetworks", bulk=True)
value(lambda v: v["group_list"] == [["default", "bridged", "br0", ""]], "GetNetwork", "net1")
refusal(404, "", "GetNetwork", "nosuch")
job("OP_NETWORK_ADD", "CreateNetwork", "net9", "203.0.113.0/28", gateway="203.0.113.1", tags=[])
job("OP_NETWORK_CONNECT", "ConnectNetwork", "net9", "default", "bridged", "br0", vlan="")
job("OP_NETWORK_DISCONNECT", "DisconnectNetwork", "net9", "default")
job("OP_NETWORK_SET_PARAMS", "ModifyNetwork", "net9", mac_prefix="aa:bb:cc")
job("OP_NETWORK_REMOVE", "DeleteNetwork", "net9")
value(lambda v: v == ["nettag1"], "GetNetworkTags", "net1")
job("OP_TAGS_SET", "AddNetworkTags", "net1", ["x"])
job("OP_TAGS_DEL", "DeleteNetworkTags", "net1", ["x"])

# --- instances ---
value(lambda v: len(v) == 7, "GetInstances")
value(lambda v: all("memory" in i["beparams"] for i in v), "GetInstances", bulk=True)
value(lambda v: v["status"] == "ADMIN_down", "GetInstance", INST)
refusal(404, "", "GetInstance", "nosuch.example.com")
create = dict(os="noop", pnode=NODE1, ip_check=False, name_check=False, beparams={"maxmem": 128, "minmem": 128})
spec = value(has("mode", "name", "disks"), "InstanceAllocation", "create", "inst31.example.com", "diskless", [],
             [], **create)
job("OP_INSTANCE_MULTI_ALLOC", "InstancesMultiAlloc", [spec])
job("OP_INSTANCE_CREATE", "CreateInstance", "create", NEW, "sharedfile", [{"size": 16}], [{}], **create)
refusal(400, "OP_INSTANCE_CREATE.disks.* fails validation", "CreateInstance", "create", NEW, "file", 5, [])
job("OP_INSTANCE_CREATE", "CreateInstance", "create", NEW, "diskless", [], [], error="already in the cluster", **create)
job("OP_INSTANCE_QUERY_DATA", "GetInstanceInfo", NEW)
info = job("OP_INSTANCE_QUERY_DATA", "GetInstanceInfo", NEW, static=True)
report(list(info["opresult"][0]) == [NEW] or
       [i["name"] for i in info["opresult"][0].values()] == [NEW], "info is about that instance alone", info)
value(lambda v: v["kind"] == "msg", "GetInstanceConsole", NEW)
job("OP_INSTANCE_REBOOT", "RebootInstance", NEW, reboot_type="hard", ignore_secondaries=False)
job("OP_INSTANCE_SHUTDOWN", "ShutdownInstance", NEW, timeout=1)
refusal(503, "console unavailable", "GetInstanceConsole", NEW)
job("OP_INSTANCE_ACTIVATE_DISKS", "ActivateInstanceDisks", NEW, ignore_size=True)
job("OP_INSTANCE_DEACTIVATE_DISKS", "DeactivateInstanceDisks", NEW)
job("OP_INSTANCE_GROW_DISK", "GrowInstanceDisk", NEW, 0, 8, wait_for_sync=True)
job("OP_INSTANCE_RECREATE_DISKS", "RecreateInstanceDisks", NEW, disks=[0], error="File exists")
job("OP_INSTANCE_SET_PARAMS", "ModifyInstance", NEW, beparams={"vcpus": 2})
refusal(400, "nonsense", "ModifyInstance", NEW, nonsense=1)
job("OP_INSTANCE_REPLACE_DISKS", "ReplaceInstanceDisks", NEW, disks=[0])
job("OP_INSTANCE_REINSTALL", "ReinstallInstance", NEW, os="noop", no_startup=True)
job("OP_INSTANCE_RENAME", "RenameInstance", NEW, "inst32.example.com", ip_check=False, name_check=False)
job("OP_INSTANCE_RENAME", "RenameInstance", "inst32.example.com", NEW, ip_check=False, name_check=False)
job("OP_INSTANCE_STARTUP", "StartupInstance", NEW)
job("OP_INSTANCE_STARTUP", "StartupInstance", "nosuch.example.com", error="not known")
job("OP_INSTANCE_MIGRATE", "MigrateInstance", NEW, target_node=NODE2)
job("OP_INSTANCE_FAILOVER", "FailoverInstance", NEW, target_node=NODE1)
value(lambda v: v["pnode"] == NODE1 and v["status"] == "running", "GetInstance", NEW)
job("OP_BACKUP_PREPARE", "PrepareExport", NEW, "local")
job("OP_BACKUP_EXPORT", "ExportInstance", NEW, "local", NODE2, shutdown=True)
value(lambda v: v == [], "GetInstanceTags", NEW)
job("OP_TAGS_SET", "AddInstanceTags", NEW, ["x", "y"])
job("OP_TAGS_DEL", "DeleteInstanceTags", NEW, ["x"])
value(lambda v: v == ["y"], "GetInstanceTags", NEW)
refusal(404, "", "GetInstanceTags", "nosuch.example.com")
job("OP_INSTANCE_REMOVE", "DeleteInstance", NEW, shutdown_timeout=1)
refusal(404, "", "GetInstance", NEW)

# --- queries ---
value(lambda v: v["data"] == [[[0, NODE1], [0, "M"]]], "Query", "node", ["name", "role"],
      qfilter=["=", "name", NODE1])
value(lambda v: len(v["data"]) == 7, "Query", "instance", ["name"])
refusal(500, "Can.*t find field named .*nosuch", "Query", "node", ["name"], qfilter=["=", "nosuch", 1])
refusal(404, "", "Query", "nosuch", ["name"])
value(lambda v: [f["kind"] for f in v["fields"]] == ["text", "unit"], "QueryFields", "node", fields=["name", "mfree"])
value(lambda v: len([f for f in v["fields"] if f["name"] != "wait_reason"]) == 16, "QueryFields", "job")

# --- filter rules ---
value(lambda v: len(v) == 2, "GetFilters")
value(lambda v: sorted(f["priority"] for f in v) == [5, 9], "GetFilters", bulk=True)
uuid = value(lambda v: len(v) == 36, "AddFilter", 20, [["jobid", ["=", "id", 1]]], "CONTINUE", [["t", "x", 1]])
value(lambda v: v["priority"] == 20 and v["action"] == "CONTINUE", "GetFilter", uuid)
value(lambda v: v == uuid, "ReplaceFilter", uuid, 21, [], "ACCEPT", [])
value(lambda v: v["priority"] == 21 and v["predicates"] == [], "GetFilter", uuid)
value(lambda v: v is None, "DeleteFilter", uuid)
refusal(404, "", "GetFilter", uuid)

# --- what only others may do, and what nobody may ---
reader = client.GanetiRapiClient(host, port=int(port), username="reader", password="rpass", curl_config_fn=curl_config)
cl, admin = reader, cl
value(lambda v: len(v) == 7, "GetInstances")
refusal(403, "", "ShutdownInstance", INST)
cl = client.GanetiRapiClient(host, port=int(port), username="admin", password="wrong", curl_config_fn=curl_config)
refusal(401, "", "GetInstances")
cl = admin

methods = {n for n, _ in inspect.getmembers(client.GanetiRapiClient, inspect.isfunction) if not n.startswith("_")}
report(called == methods, "all methods of the client were called", "%s" % sorted(methods - called))
print("# Debian's client: %d of its %d methods called: %d do what they are for, %d are refused because their opcodes "
      "are not there yet (%s)" % (len(called & methods), len(methods), len(methods - refused), len(refused),
                                  " ".join(sorted(refused))))
