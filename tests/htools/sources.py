#!/usr/bin/env python3
"""sources.py BINDIR MKHTOOLS [CASE]: runs the allocation tools of BINDIR on clusters that do not come from text files:
the REST daemon's answers in files, a scripted master, reports of monitoring daemons. Prints "=== CASE" and what could
be seen of each: exit code, output, and what the master was asked. Upstream's programs are run the same way to record
what is expected (tests/htools/record). Times, UUIDs and versions are masked."""

import copy
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

BIN, MK = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
ONLY = sys.argv[3] if len(sys.argv) > 3 else None
WORK = tempfile.mkdtemp()
os.chdir(WORK)
TAG = "ganeti:watcher:autorepair:"
LONG_AGO, FAR_AWAY = "1000000000", "4000000000"
SPEC_KEYS = ("memory-size", "cpu-count", "disk-size", "disk-count", "nic-count", "spindle-use")


# --- clusters: one dict, as the REST daemon tells it ---

def policy(fields):
    def spec(text):
        return dict(zip(SPEC_KEYS, map(int, text.split(","))))
    mm = fields[2].split(";")
    p = {"std": spec(fields[1]),
         "minmax": [{"min": spec(mm[i]), "max": spec(mm[i + 1])} for i in range(0, len(mm), 2)],
         "disk-templates": fields[3].split(","), "vcpu-ratio": float(fields[4]), "spindle-ratio": float(fields[5])}
    if len(fields) > 6:
        p["memory-ratio"] = float(fields[6])
    return p


def from_text(text):
    part = [[]]
    for line in text.splitlines():
        if line:
            part[-1].append(line.split("|"))
        else:
            part.append([])
    policies = {f[0]: policy(f) for f in part[4]}
    c = {"groups": [], "nodes": [], "instances": [], "info": None}
    master = "node0"
    for f in part[0]:
        c["groups"].append({"name": f[0], "uuid": f[1], "alloc_policy": f[2], "tags": [t for t in f[3].split(",") if t],
                            "ipolicy": policies[f[0]]})
    for f in part[1]:
        excl = f[11] == "Y"
        n = {"name": f[0], "mtotal": int(f[1]), "mnode": int(f[2]), "mfree": int(f[3]), "dtotal": int(f[4]),
             "dfree": int(f[5]), "ctotal": int(f[6]), "cnos": int(f[13]), "offline": f[7] == "Y", "drained": False,
             "vm_capable": True, "group.uuid": f[8], "tags": [t for t in f[10].split(",") if t],
             "sptotal": int(f[9]) if excl else 0, "spfree": int(f[12]),
             "ndparams": {"spindle_count": int(f[9]), "exclusive_storage": excl, "oob_program": None, "cpu_speed": float(f[14])}}
        if f[7] == "M":
            master = f[0]
        c["nodes"].append(n)
    for f in part[2]:
        be = {"auto_balance": f[5] == "Y", "minmem": int(f[1]), "maxmem": int(f[1]), "vcpus": int(f[3]), "spindle_use": int(f[10]),
              "always_failover": False}
        c["instances"].append({"name": f[0], "disk_usage": int(f[2]), "oper_ram": None, "status": f[4], "pnode": f[6],
                               "snodes": [f[7]] if f[7] else [], "disk_template": f[8],
                               "tags": [t for t in f[9].split(",") if t], "beparams": be, "disk.sizes": [int(f[2])],
                               "disk.spindles": [None if f[11] == "-" else int(f[11])], "forthcoming": f[12] == "Y"})
    c["info"] = {"name": "cluster", "tags": [f[0] for f in part[3]], "ipolicy": policies[""],
                 "master": master, "default_hypervisor": "xen-pvm"}
    return c


def cluster(*args):
    text = subprocess.run([MK, *map(str, args)], stdout=subprocess.PIPE, check=True, text=True).stdout
    with open("cluster.data", "w", encoding="ascii") as f:
        f.write(text)
    return from_text(text)


# --- running ---

def masked(text):
    text = re.sub(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}\b", "UUID", text)
    now = str(int(time.time()))[:6]
    text = re.sub(r"\b%s[0-9]{4}\b" % now, "NOW", text)
    text = re.sub(r"\b%s[0-9]{13}\b" % now, "NOWNS", text)
    text = re.sub(r"\(ganeti\) version [0-9.-]+", "(ganeti) version VERSION", text)
    return text.replace(WORK, "WORK")


def show(name, code, out, err, asked=()):
    print("=== " + name)
    print("exit %d" % code)
    if " bad: " in name and code == 0:
        out = out.splitlines()[-1]  # the score
    # upstream's of 3.0 does not print these
    out = re.sub(r"Executing jobset for .*\n", "", out)
    for prefix, text in (("1 ", out), ("2 ", err), ("3 ", "".join(asked))):
        for line in masked(text).splitlines():
            print(prefix + line)
    sys.stdout.flush()


def show_file(name, path):
    if not ONLY:
        with open(path, encoding="ascii") as f:
            show(name, 0, f.read(), "")


def run(name, program, *args, env=None, asked=None, interrupt=None):
    if ONLY and not name.startswith(ONLY):
        return
    full = dict(os.environ, TZ="UTC", **(env or {}))
    full.pop("HTOOLS", None)
    p = subprocess.Popen([os.path.join(BIN, program), *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         env=full, text=True)
    if interrupt:
        interrupt(p)
    try:
        out, err = p.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        p.kill()
        out, err = p.communicate()
        err += "does not end\n"
    show(name, p.returncode, out, err, asked() if asked else ())


def write_rapi(c):
    shutil.rmtree("rapi", ignore_errors=True)
    os.mkdir("rapi")
    for part in ("groups", "nodes", "instances", "info"):
        with open("rapi/%s.json" % part, "w", encoding="ascii") as f:
            json.dump(c[part], f)


# --- a scripted master ---

class Master:
    """Answers queries from a cluster; submitted jobs have ended at once, as END says (the last one for all others)."""

    def __init__(self, c, jobs=None, end=("success",), refuse=None, held=False, on_power=None):
        self.on_power = on_power
        self.c, self.jobs, self.end, self.refuse = c, dict(jobs or {}), list(end), refuse
        self.log, self.next = [], 100
        self.held = threading.Event()
        if not held:
            self.held.set()
        self.waiting = threading.Event()
        self.path = os.path.join(WORK, "socket")
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(self.path)
        self.sock.listen(8)
        self.accepting = threading.Thread(target=self.accept, daemon=True)
        self.accepting.start()

    def accept(self):
        while True:
            try:
                conn = self.sock.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def cell(self, thing, o, field):
        live = {"mtotal", "mnode", "mfree", "dtotal", "dfree", "ctotal", "cnos", "sptotal", "spfree"}
        if thing == "node" and field in live and o["offline"]:
            return [4, None]
        if field.startswith("ndp/"):
            return [0, o["ndparams"][field[4:]]]
        if field.startswith("be/"):
            return [0, o["beparams"]["maxmem" if field == "be/memory" else field[3:]]]
        return [0, o[field]]

    def answer(self, method, args):
        if method == "Query":
            thing, fields = args[0], args[1]
            asked_for = [f[2] for f in args[2][1:]] if args[2] else None
            rows = self.c[{"node": "nodes", "instance": "instances", "group": "groups"}[thing]]
            return {"fields": [], "data": [[self.cell(thing, o, f) for f in fields] for o in rows
                                            if asked_for is None or o["name"] in asked_for]}
        if method == "QueryClusterInfo":
            return self.c["info"]
        if method == "QueryJobs":
            self.waiting.set()
            self.held.wait(20)
            return [[self.jobs.get(str(i)), None, None][:len(args[1])] for i in args[0]]
        if method == "WaitForJobChange":
            self.waiting.set()
            self.held.wait(20)
            return [[self.jobs.get(str(args[0]))], []]
        if method == "SubmitManyJobs":
            if self.refuse:
                return [[False, self.refuse] for _ in args[0]]
            ids = []
            if self.on_power and "power-on" in json.dumps(args):
                self.on_power()
            for _ in args[0]:
                self.next += 1
                self.jobs[str(self.next)] = self.end[0]
                if len(self.end) > 1:
                    self.end.pop(0)
                ids.append([True, self.next])
            return ids
        raise ValueError(method)

    def serve(self, conn):
        buf = b""
        while True:
            try:
                data = conn.recv(65536)
            except OSError:
                return
            if not data:
                return
            buf += data
            while b"\3" in buf:
                text, buf = buf.split(b"\3", 1)
                q = json.loads(text)
                self.log.append((q["method"], q["args"]))
                reply = {"success": True, "result": self.answer(q["method"], q["args"])}
                try:
                    conn.sendall(json.dumps(reply).encode() + b"\3")
                except OSError:
                    return

    def asked(self):
        """What changes something, and the queries for the cluster. How one waits for jobs is one's own business."""
        for method, args in self.log:
            if method not in ("WaitForJobChange", "QueryJobs"):
                yield json.dumps([method, args], sort_keys=True) + "\n"

    def close(self):
        # a thread that is about to accept could take the next master's socket, which gets the same number
        self.sock.shutdown(socket.SHUT_RDWR)
        self.accepting.join()
        self.sock.close()


def with_master(name, c, program, *args, **how):
    if ONLY and not name.startswith(ONLY):
        return
    interrupt, env = how.pop("interrupt", None), how.pop("env", None)
    m = Master(c, **how)
    run(name, program, "-L" + m.path, *args, env=env, asked=m.asked, interrupt=(lambda p: interrupt(m, p)) if interrupt else None)
    m.close()


# --- the cases ---

def same_by_all_ways():
    for seed, nodes, insts, traits in ((201, 6, 20, ["uniform"]), (202, 9, 40, ["uniform", "groups=2", "tags"]),
                                       (203, 8, 30, ["uniform", "offline", "locations"]), (204, 5, 20, ["uniform", "spindles", "drbd"])):
        c = cluster(seed, nodes, insts, *traits)
        write_rapi(c)
        run("rapi %d" % seed, "hinfo", "-m", "file://rapi", "-v", "-v", "-p", "--print-instances")
        with_master("luxi %d" % seed, c, "hinfo", "-v", "-v", "-p", "--print-instances")
        if seed == 201:
            run("rapi scan", "hscan", "-p", "file://rapi")
            show_file("rapi scanned", "file:__rapi.data")
            run("rapi scan, no headers", "hscan", "--no-headers", "file://rapi", "file://nosuch")
            with_master("luxi scan", c, "hscan")
            show_file("luxi scanned", "LOCAL.data")
            run("rapi balance", "hbal", "-m", "file://rapi", "-C", "-l", "3")
            run("rapi execute", "hbal", "-m", "file://rapi", "-X", "-l", "3")
            run("rapi check", "hcheck", "-m", "file://rapi")
            run("rapi roll", "hroller", "-m", "file://rapi")


def overcommitted():
    """More memory is promised than there is; of some nodes the administrator says how much is their own."""
    c = cluster(205, 5, 40, "uniform", "overcommit", "full")
    states = [{}, {"kvm": {"mem_node": 3000, "mem_total": 0}}, {"xen-pvm": {"mem_node": 3000}}, {"kvm": {"mem_total": 16000}}, {"kvm": {"mem_node": 0}}]
    for n, state in zip(c["nodes"], states):
        n["hv_state"] = state
    write_rapi(c)
    run("rapi overcommitted", "hinfo", "-m", "file://rapi", "-v", "-v", "-p", "--print-instances")
    with_master("luxi overcommitted", c, "hinfo", "-v", "-v", "-p", "--print-instances")
    c["info"]["default_hypervisor"] = "kvm"
    with_master("luxi overcommitted kvm", c, "hinfo", "-v", "-v", "-p")
    c["groups"][0]["ipolicy"]["memory-ratio"] = "x"
    with_master("luxi overcommitted badly", c, "hinfo")


def bad_rapi():
    good = cluster(205, 3, 5, "uniform", "drbd")
    deleted = object()
    wrong = [1, None, "x", {}, [], True, 1.5, deleted]
    paths = [("instances", 0, k) for k in ("name", "disk_usage", "oper_ram", "status", "pnode", "snodes", "tags", "disk_template",
                                           "disk.sizes", "disk.spindles", "beparams", "forthcoming")]
    paths += [("instances", 0, "beparams", k) for k in ("auto_balance", "maxmem", "vcpus", "spindle_use")]
    paths += [("nodes", 0, k) for k in ("name", "offline", "drained", "vm_capable", "group.uuid", "tags", "ndparams", "mtotal", "mfree",
                                        "dtotal", "dfree", "cnos", "spfree", "sptotal")]
    paths += [("nodes", 0, "ndparams", k) for k in ("spindle_count", "exclusive_storage")]
    paths += [("groups", 0, k) for k in ("name", "uuid", "alloc_policy", "tags", "ipolicy")]
    paths += [("groups", 0, "ipolicy", k) for k in ("minmax", "std", "disk-templates", "vcpu-ratio", "extra")]
    paths += [("groups", 0, "ipolicy", "std", "cpu-count"), ("groups", 0, "ipolicy", "minmax", 0, "min")]
    paths += [("info", k) for k in ("master", "default_hypervisor", "tags", "ipolicy")]
    for path in paths:
        for v in wrong:
            c = copy.deepcopy(good)
            at = c
            for k in path[:-1]:
                at = at[k]
            if v is deleted:
                if path[-1] not in at:
                    continue
                del at[path[-1]]
            else:
                at[path[-1]] = v
            write_rapi(c)
            name = "rapi bad: %s %s" % (".".join(map(str, path)), "missing" if v is deleted else json.dumps(v))
            run(name, "hinfo", "-m", "file://rapi")
    for part in ("groups", "nodes", "instances", "info"):
        for text in ("", "null", "1", "{}" if part != "info" else "[]", "[1]"):
            write_rapi(good)
            with open("rapi/%s.json" % part, "w", encoding="ascii") as f:
                f.write(text)
            run("rapi bad: %s is %s" % (part, text or "empty"), "hinfo", "-m", "file://rapi")
        write_rapi(good)
        os.unlink("rapi/%s.json" % part)
        run("rapi bad: no %s" % part, "hinfo", "-m", "file://rapi")


def bad_luxi():
    good = cluster(206, 3, 5, "uniform", "drbd")

    class Unwell(Master):
        def __init__(self, c, thing, field, cell):
            self.sick = (thing, field, cell)
            super().__init__(c)

        def cell(self, thing, o, field):
            return self.sick[2] if (thing, field) == self.sick[:2] else super().cell(thing, o, field)

    for thing, field in (("node", "name"), ("node", "mtotal"), ("node", "dfree"), ("node", "ndp/spindle_count"), ("node", "ndp/cpu_speed"),
                         ("node", "tags"), ("node", "group.uuid"), ("instance", "name"), ("instance", "be/memory"),
                         ("instance", "disk.sizes"), ("instance", "disk.spindles"), ("instance", "status"), ("instance", "pnode"),
                         ("instance", "snodes"), ("group", "name"), ("group", "ipolicy"), ("group", "alloc_policy")):
        for cell in ([1, None], [2, None], [3, None], [4, None], [0, None], [0, "x"], [0, 1]):
            name = "luxi bad: %s %s %s" % (thing, field, json.dumps(cell))
            if ONLY and not name.startswith(ONLY):
                continue
            m = Unwell(good, thing, field, cell)
            run(name, "hinfo", "-L" + m.path)
            m.close()


def reports():
    c = cluster(207, 4, 12, "uniform", "offline", "skewed")
    names = [n["name"] for n in c["nodes"]]
    insts = [i["name"] for i in c["instances"]]

    def report(name, data, **other):
        return dict({"name": name, "version": "B", "format_version": 1, "timestamp": 1, "category": None, "kind": 0, "data": data}, **other)

    def cpu(total, **other):
        return report("cpu-avg-load", {"cpu_number": 2, "cpus": [total / 2, total / 2], "cpu_total": total}, **other)

    def xen(loads):
        return report("xen-cpu-avg-load", loads)

    def every(fn):
        return [{"node": n, "reports": [fn(k)]} for k, n in enumerate(names)]
    cases = {
        "all": every(lambda k: cpu(k + .25)), "whole numbers": every(cpu), "one missing": every(cpu)[1:],
        "node twice": [{"node": names[0], "reports": [cpu(9)]}] + every(lambda k: cpu(k * .5)),
        "report twice": [{"node": n, "reports": [report("x", {}), cpu(1.5), cpu(7)]} for n in names],
        "short data": every(lambda k: report("cpu-avg-load", {"cpu_total": 1})),
        "long data": every(lambda k: report("cpu-avg-load", {"cpu_total": 1, "cpus": [], "cpu_number": 1, "x": 1})),
        "name a number": [{"node": 1, "reports": []}], "no name": [{"reports": []}], "no reports": [{"node": names[0]}],
        "reports a number": [{"node": names[0], "reports": 1}], "report a number": [{"node": names[0], "reports": [1]}],
        "report short": [{"node": names[0], "reports": [{"name": "x"}]}], "kind 7": every(lambda k: cpu(1, kind=7)),
        "kind a word": every(lambda k: cpu(1, kind="x")), "category unknown": every(lambda k: cpu(1, category="x")),
        "category storage": every(lambda k: cpu(k, category="storage")), "timestamp a word": every(lambda k: cpu(1, timestamp="x")),
        "format a word": every(lambda k: cpu(1, format_version="x")), "report long": every(lambda k: cpu(1, extra=1)), "a dict": {},
        "a list of numbers": [1],
        "xen all": every(lambda k: xen({i: .25 * n for n, i in enumerate(insts)} if k == 0 else {insts[0]: 5})),
        "xen one missing": every(lambda k: xen({i: .25 for i in insts[2:]})), "xen words": every(lambda k: xen({insts[0]: "x"})),
        "xen a list": every(lambda k: xen([])),
    }
    for name, data in cases.items():
        more = ["--mond-xen"] if name.startswith("xen") else []
        with open("mond.json", "w", encoding="ascii") as f:
            json.dump(data, f)
        run("load: " + name, "hbal", "-t", "cluster.data", "-l", "2", "-p", "--print-instances", "--mond", "--mond-data=mond.json", *more)
        run("load required: " + name, "hbal", "-t", "cluster.data", "-l", "0", "--mond", "--mond-data=mond.json",
            "--exit-on-missing-mond-data", *more)
    with open("mond.json", "w", encoding="ascii") as f:
        json.dump(cases["all"], f)
    run("load not wanted", "hinfo", "-t", "cluster.data", "-p", "--mond-data=mond.json")
    run("load refused", "hinfo", "-t", "cluster.data", "-p", "--mond=no", "--mond-data=mond.json")
    run("load ignored", "hinfo", "-t", "cluster.data", "-p", "--mond", "--ignore-dynu", "--mond-data=mond.json")
    run("load without the file", "hinfo", "-t", "cluster.data", "--mond", "--mond-data=nosuch")
    for text in ("", "null", "1"):
        with open("mond.json", "w", encoding="ascii") as f:
            f.write(text)
        run("load: file is %s" % (text or "empty"), "hinfo", "-t", "cluster.data", "--mond", "--mond-data=mond.json")


def repairs():
    base = cluster(208, 4, 0, "uniform")
    n1, n2, n3, n4 = (n["name"] for n in base["nodes"])
    base["nodes"][2]["offline"] = base["nodes"][3]["offline"] = True

    def inst(name, template, pri, sec=None, *tags):
        be = {"auto_balance": True, "minmem": 128, "maxmem": 128, "vcpus": 1, "spindle_use": 1}
        return {"name": name, "disk_usage": 1024, "oper_ram": None, "status": "running", "pnode": pri, "snodes": [sec] if sec else [],
                "disk_template": template, "tags": [TAG + t for t in tags], "beparams": be, "disk.sizes": [1024],
                "disk.spindles": [None], "forthcoming": False}
    broken = [inst("a", "drbd", n3, n2), inst("b", "drbd", n2, n3), inst("c", "drbd", n3, n4), inst("d", "plain", n3),
              inst("e", "diskless", n3), inst("f", "drbd", n1, n2)]
    cases = {
        "nothing broken": ([inst("a", "drbd", n1, n2)], [], []),
        "not enabled": (broken, [], []), "enabled": (broken, [], ["reinstall"]), "only storage": (broken, ["fix-storage"], ["reinstall"]),
        "by instance": ([inst("a", "drbd", n3, n2, "failover"), inst("b", "drbd", n2, n3), inst("c", "drbd", n3, n4, "migrate", "reinstall")],
                        ["fix-storage"], []),
        "suspended": ([inst("a", "drbd", n3, n2, "suspend"), inst("b", "drbd", n2, n3, "suspend:" + FAR_AWAY),
                       inst("c", "drbd", n3, n2, "suspend:" + LONG_AGO), inst("d", "plain", n3, None, "suspend:", "reinstall"),
                       inst("e", "plain", n3, None, "suspend:soon")], [], ["reinstall"]),
        "group suspended": (broken, ["suspend"], ["reinstall"]),
        "pending": ([inst("a", "drbd", n1, n2, "pending:failover:u1:%s:5+6" % LONG_AGO), inst("b", "drbd", n1, n2, "pending:failover:u2:%s:7" % LONG_AGO),
                     inst("c", "drbd", n1, n2, "pending:failover:u3:%s:8" % LONG_AGO),
                     inst("d", "drbd", n1, n2, "pending:reinstall:u4:%s:9+5" % LONG_AGO, "result:failover:u5:100:success:3"),
                     inst("e", "drbd", n3, n2, "pending:reinstall:u6:%s:" % LONG_AGO)], [], ["reinstall"]),
        "two pending": ([inst("a", "drbd", n1, n2, "pending:failover:u1:100:5", "pending:failover:u0:200:5")], [], []),
        "success after pending": ([inst("a", "drbd", n1, n2, "pending:failover:u1:100:5", "result:failover:u0:200:success:6")], [], []),
        "results": ([inst("a", "drbd", n3, n2, "result:failover:u1:100:failure:5+6", "result:failover:u0:200:success:5+6"),
                     inst("b", "drbd", n3, n2, "result:failover:u1:100:success:5+6", "result:failover:u0:200:enoperm:",
                          "result:failover:u9:50:success:1", "result:failover:u1:90:enoperm:"),
                     inst("c", "drbd", n3, n2, "pending:", "pending:bad:u:1:1", "pending:migrate:u:x:1", "pending:migrate:u:1:-4",
                          "result:migrate:u:1:bad:1", "result:migrate:u:1:success:1:2", "pending:migrate:u:1")], [], ["failover"]),
    }
    jobs = {"5": "success", "6": "success", "7": "error", "8": "running", "9": "canceled"}
    for name, (insts, group, all_) in cases.items():
        c = copy.deepcopy(base)
        c["instances"] = insts
        c["groups"][0]["tags"] = [TAG + t for t in group]
        c["info"]["tags"] = [TAG + t for t in all_]
        with_master("repair: " + name, c, "harep", jobs=jobs)
        with_master("repair, dry run: " + name, c, "harep", "--dry-run", jobs=jobs)
        if name in ("enabled", "pending"):
            with_master("repair at once: " + name, c, "harep", "--job-delay=0", "--reason=because", jobs=jobs)
            with_master("repair, tags fail: " + name, c, "harep", jobs=jobs, end=["error"])
            with_master("repair, refused: " + name, c, "harep", jobs=jobs, refuse="the queue is drained")
    run("repair: argument", "harep", "x")


def signalled(signum, m, p):
    """While it waits for the first jobs, which have not ended."""
    m.waiting.wait(20)
    p.send_signal(signum)
    if signum == signal.SIGTERM:
        p.wait(20)
    m.held.set()


def executions():
    c = cluster(209, 6, 30, "uniform", "skewed")
    with_master("execute: all goes well", c, "hbal", "-X", "-l", "8")
    with_master("execute: the first group", c, "hbal", "-X", "-l", "8", "--first-job-group", "--priority=low", "--reason=because")
    with_master("execute: a job fails", c, "hbal", "-X", "-l", "8", end=["success", "success", "error", "success"])
    with_master("execute: a job is cancelled", c, "hbal", "-X", "-l", "8", end=["canceled"])
    with_master("execute: refused", c, "hbal", "-X", "-l", "8", refuse="the queue is drained")
    with_master("execute: nothing to do", c, "hbal", "-X", "-l", "0")

    with_master("execute: terminated", c, "hbal", "-X", "-l", "8", held=True, interrupt=lambda m, p: signalled(signal.SIGTERM, m, p))
    with_master("execute: interrupted", c, "hbal", "-X", "-l", "8", held=True, interrupt=lambda m, p: signalled(signal.SIGINT, m, p))


def squeezes():
    """Upstream's sets nodes online before they have power, and drains none."""
    c = cluster(211, 4, 6, "uniform", "shared")
    for end in ["success"], ["error"], ["success", "error", "success"], ["success", "success", "success", "error", "success"], \
            ["success", "success", "success", "success", "success", "error"]:
        with_master("condense: " + " ".join(end), c, "hsqueeze", "-X", end=end)
    with_master("condense: interrupted", c, "hsqueeze", "-X", held=True, interrupt=lambda m, p: signalled(signal.SIGINT, m, p))
    c = cluster(210, 4, 8, "uniform", "shared", "standby")
    node = socket.socket()
    node.bind(("127.0.0.1", 0))  # of the agent; nobody listens before the node has power
    for n in c["nodes"]:
        n["pip"] = "127.0.0.1"
    for end in ["error"], ["success"], ["success", "success", "error"]:
        with_master("expand: " + " ".join(end), c, "hsqueeze", "-X", "--minimal-resources=9999", end=end, env={"GANETI_NODED_PORT": str(node.getsockname()[1])},
                    on_power=lambda: node.listen(8))
    node.close()
    # measured load: what does not fit on fewer processors stays apart
    c = cluster(211, 4, 6, "uniform", "shared")
    for load in (0.5, 9, 60):
        data = {"cpu_number": 2, "cpus": [load / 2, load / 2], "cpu_total": load}
        report = {"name": "cpu-avg-load", "version": "B", "format_version": 1, "timestamp": 1, "category": None, "kind": 0, "data": data}
        with open("mond.json", "w", encoding="ascii") as f:
            json.dump([{"node": n["name"], "reports": [report]} for n in c["nodes"]], f)
        run("condense: load %s" % load, "hsqueeze", "-t", "cluster.data", "-v", "--mond", "--mond-data=mond.json")


same_by_all_ways()
overcommitted()
bad_rapi()
bad_luxi()
reports()
repairs()
executions()
squeezes()
shutil.rmtree(WORK)
