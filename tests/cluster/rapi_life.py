#!/usr/bin/python3
"""The whole life of an instance through Debian's own REST client, as TAP.

rapi_life.py HOST USER PASSWORD GUEST-ADDRESS NODE1 NODE2: run on a cluster whose hypervisor is KVM with
the tiny guest. What the guest itself says is for the caller to check.
"""
import sys

import pycurl
from ganeti.rapi import client

host, user, password, address, node1, node2 = sys.argv[1:7]
NAME = "inst9.example.com"
count = 0


def ok(cond, text, detail=""):
    global count
    count += 1
    print("%s %d - rapi: %s" % ("ok" if cond else "not ok", count, text))
    if not cond:
        print("#   %s" % (detail,))
    sys.stdout.flush()


def curl_config(curl, logger):
    curl.setopt(pycurl.SSL_VERIFYPEER, False)
    curl.setopt(pycurl.SSL_VERIFYHOST, False)
    curl.setopt(pycurl.TIMEOUT, 300)


def connect(u, p):
    return client.GanetiRapiClient(host, username=u, password=p, curl_config_fn=curl_config)


def job(job_id, text):
    """Wait for a job; a failed one is shown."""
    done = cl.WaitForJobCompletion(job_id, period=0.2, retries=600)
    ok(done, text, "" if done else cl.GetJobStatus(job_id))
    return done


def refused(code, text, fn, *args, **kwargs):
    try:
        got = fn(*args, **kwargs)
    except client.GanetiApiError as err:
        ok(err.code == code, "%s is refused with %d" % (text, code), "%s: %s" % (err.code, err))
    else:
        ok(False, "%s is refused" % text, got)


cl = connect(user, password)
ok(cl.GetVersion() == 2, "version")
info = cl.GetInfo()
ok(info["name"] == "cl.example.com" and info["master"] == node1, "info", info)
ok("instance-create-reqv1" in cl.GetFeatures(), "features", cl.GetFeatures())
ok(cl.GetOperatingSystems(), "operating systems", cl.GetOperatingSystems())
ok(node2 in cl.GetNodes(), "nodes", cl.GetNodes())
ok([n for n in cl.GetNodes(bulk=True) if n["name"] == node2 and n["mtotal"] > 0], "nodes in bulk")
ok(cl.GetNodeRole(node1) == "master", "role of the master")
ok(cl.GetGroups() == ["default"], "groups", cl.GetGroups())

create = dict(
    mode="create", name=NAME, disk_template="sharedfile", disks=[{"size": 32}],
    nics=[{"ip": address}], os="tiny+default", pnode=node1,
    beparams={"memory": 96}, osparams={"prefix_length": "16", "message": "over rest"},
    ip_check=False, name_check=False)
job(cl.CreateInstance(dry_run=True, **create), "dry run of the creation")
ok(NAME not in cl.GetInstances(), "which makes nothing")
job(cl.CreateInstance(**create), "creation")
ok(NAME in cl.GetInstances(), "the instance is listed")
inst = cl.GetInstance(NAME)
ok(inst["status"] == "running" and inst["pnode"] == node1, "it runs", inst)
ok(inst["beparams"]["memory"] == 96 if "memory" in inst["beparams"] else
   inst["beparams"]["maxmem"] == 96, "with its memory", inst["beparams"])
ok([i for i in cl.GetInstances(bulk=True) if i["name"] == NAME and i["oper_state"]], "in bulk, too")
console = cl.GetInstanceConsole(NAME)
ok(console["kind"] == "ssh" and console["host"] == node1, "console", console)
refused(404, "an instance that does not exist", cl.GetInstance, "nosuch.example.com")

job(cl.AddInstanceTags(NAME, ["one", "two"]), "tags added")
ok(sorted(cl.GetInstanceTags(NAME)) == ["one", "two"], "tags read", cl.GetInstanceTags(NAME))
job(cl.DeleteInstanceTags(NAME, ["one"]), "a tag removed")
ok(cl.GetInstanceTags(NAME) == ["two"], "the other stays", cl.GetInstanceTags(NAME))

job(cl.MigrateInstance(NAME, target_node=node2), "live migration")
ok(cl.GetInstance(NAME)["pnode"] == node2, "to the other node")
job(cl.ShutdownInstance(NAME), "shutdown")
ok(cl.GetInstance(NAME)["status"] == "ADMIN_down", "it is down", cl.GetInstance(NAME)["status"])
job(cl.FailoverInstance(NAME, target_node=node1), "failover")
ok(cl.GetInstance(NAME)["pnode"] == node1, "back to the first node")
job(cl.StartupInstance(NAME), "startup")
job(cl.RebootInstance(NAME, reboot_type="hard"), "hard reboot")
job(cl.ModifyInstance(NAME, beparams={"vcpus": 2}), "modification")
ok(cl.GetInstance(NAME)["beparams"]["vcpus"] == 2, "is stored")

jobs = cl.GetJobs()
ok(jobs and all(isinstance(j, int) for j in map(int, jobs)), "jobs", jobs[:5])
refused(400, "a nonsense parameter", cl.ModifyInstance, NAME, nonsense=1)
change = cl.WaitForJobChange(int(jobs[0]), ["status"], None, None)
ok(change and change["job_info"] == ["success"], "waiting for a job that is done", change)
cancelled = cl.CancelJob(int(jobs[0]))
ok(cancelled[0] is False, "which can't be cancelled", cancelled)

reader = connect("reader", "readpw")
ok(NAME in reader.GetInstances(), "a user without write access reads")
refused(403, "a change by it", reader.ShutdownInstance, NAME)
refused(401, "a wrong password", connect(user, "wrong").StartupInstance, NAME)
ha1 = connect("hashed", "hashpw")
job(ha1.ShutdownInstance(NAME, timeout=5), "a user with a hashed password stops it")

job(cl.DeleteInstance(NAME), "removal")
ok(NAME not in cl.GetInstances(), "and it is gone")
refused(404, "reading it again", cl.GetInstance, NAME)
print("1..%d" % count)
