"""Replays recorded exchanges with real clusters, on the master's socket and over HTTPS; called by 0800-contract.t.

contract.py config TEMPLATE OURS    the recorded configuration for the nodes of OURS, on standard output
contract.py running TEMPLATE RAPI   "NODE INSTANCE MEMORY VCPUS UUID" of what ran when RAPI was recorded
contract.py luxi RECORD SOCKET      replays, prints TAP without a plan
contract.py rapi RECORD HOST:PORT   the same

An answer has to be of the same success, error class and text; a result has the same keys, types and nesting, and
the same values but for those VOLATILE names. What cannot be the same is listed in ALLOWED, with the reason; its
shape has to be the same still.
"""
import http.client
import json
import os
import re
import socket
import ssl
import sys

# (part of the recording's name, name): reason. Those of TIMING may, or may not, differ.
OLD = "parameters of hypervisors are those of 3.1"
MOVED = "instances had moved, one more was there, and node3 was down when 3.0.2 was recorded"
ALLOWED = {
    ("rapi-3.0", "GET /2/info"): OLD,
    ("rapi-3.0", "DELETE job finished (DELETE /2/jobs/115)"): "that job was ending",
    ("luxi-3.0", "QueryClusterInfo"): OLD,
    ("luxi-3.0", "version-mismatch"): OLD,
    ("luxi-3.0", "Query-instance-all"): MOVED,
    ("luxi-3.0", "Query-node-all"): MOVED,
    ("luxi-3.0", "Query-group-all"): MOVED,
    ("luxi-3.0", "Query-network-all"): MOVED,
    ("luxi-3.0", "Query-inst-filter-regex"): MOVED,
    ("luxi-3.0", "Query-inst-filter-contains"): MOVED,
    ("luxi-3.0", "QueryInstances"): MOVED,
    ("luxi-3.0", "QueryNodes"): MOVED,
    ("luxi-3.0", "QueryNetworks"): MOVED,
    ("luxi-3.1", "Query-instance-all"):
        "upstream's queries forget cluster-wide OS parameters of a variant, jobs do not",
    ("luxi", "QueryJobs-one"): "job 1 is another one here",
}
SLOTS = "the recorded cluster ran two jobs at a time: whether this one runs, waits or is queued is chance"
TIMING = {
    ("luxi", "WaitForJobChange-first"): SLOTS,
    ("luxi", "WaitForJobChange-timeout"): SLOTS,
    ("luxi", "ChangeJobPriority"): SLOTS,
    ("luxi", "CancelJob-running"): SLOTS,
    ("luxi", "CancelJob-kill"): SLOTS,
    ("luxi", "QueryJobs-killed"): SLOTS,
}
# What upstream adds to the parameters of an opcode while it runs.
RESOLVED = {"debug_level", "instance_uuid", "iallocator", "on_node_uuids"}
# What later versions answer as well.
NEW = {"custom_osparams"}
# Fields that differ between two clusters or two moments: only the type is compared.
VOLATILE = set("""
    ctime mtime uuid serial_no dtotal dfree mtotal mnode mfree cnodes cnos csockets ctotal bootid pip sip secondary_ip
    master_ip master_netdev master_netmask software_version protocol_version config_version vcs_version
    file_storage_dir shared_file_storage_dir uri id doc received_ts start_ts end_ts opstart opexec opend
    node_list disk_usage watermark reason_trail max_running_jobs enabled_hypervisors
    """.split())
count = 0


def report(good, text, why=()):
    global count
    count += 1
    print("%sok - %s" % ("" if good else "not ", text))
    for line in list(why)[:12]:
        print("# " + line[:300])
    sys.stdout.flush()


# --- comparing ---
def kind(v):
    if v is None:
        return "null"
    if isinstance(v, bool):
        return "bool"
    if isinstance(v, (int, float)):
        return "number"
    return {str: "string", list: "list", dict: "dict"}[type(v)]


def short(v):
    text = json.dumps(v)
    return text if len(text) < 90 else text[:87] + "..."


def shape(want, got, at):
    """Only keys, types and nesting. Null is a value of every type, an empty list says nothing."""
    if want is None or got is None:
        return []
    if kind(want) != kind(got):
        return ["%s: %s, recorded was %s" % (at, short(got), short(want))]
    if isinstance(want, dict):
        if want.get("OP_ID") != got.get("OP_ID"):
            return []  # parameters of another opcode
        optional = RESOLVED if "OP_ID" in want else ()
        out = ["%s lacks %s" % (at, k) for k in want if k not in got and k not in optional]
        out += ["%s has %s" % (at, k) for k in got if k not in want and k not in NEW and k not in optional]
        return out + sum((shape(want[k], got[k], "%s.%s" % (at, k)) for k in want if k in got), [])
    if isinstance(want, list) and want and got:
        return sum((shape(want[min(i, len(want) - 1)], g, "%s[%d]" % (at, i)) for i, g in enumerate(got[:3])), [])
    return []


def compare(want, got, at="", volatile=VOLATILE):
    if kind(want) != kind(got):
        return ["%s: %s, recorded was %s" % (at, short(got), short(want))]
    if isinstance(want, dict):
        out = ["%s lacks %s" % (at, k) for k in want if k not in got]
        out += ["%s has %s" % (at, k) for k in got if k not in want and k not in NEW]
        for k in want:
            if k in got:
                fn = shape if k in volatile else compare
                out += fn(want[k], got[k], "%s.%s" % (at, k))
        return out
    if isinstance(want, list):
        if len(want) != len(got):
            return ["%s: %d items, recorded were %d: %s" % (at, len(got), len(want), short(got))]
        return sum((compare(w, g, "%s[%d]" % (at, i)) for i, (w, g) in enumerate(zip(want, got))), [])
    if isinstance(want, str) and want.split() == got.split():
        return []  # upstream breaks long lines in texts about JSON
    return [] if want == got else ["%s: %s, recorded was %s" % (at, short(got), short(want))]


def rows(fields, want, got, at):
    """Lists of values in the order of FIELDS."""
    if kind(want) != "list" or kind(got) != "list" or len(want) != len(got):
        return compare(want, got, at)
    out = []
    for i, (w, g) in enumerate(zip(want, got)):
        if len(w) != len(g):
            out.append("%s[%d]: %d values" % (at, i, len(g)))
        for f, x, y in zip(fields, w, g):
            fn = shape if f in VOLATILE else compare
            out += fn(x, y, "%s[%d].%s" % (at, i, f))
    return out


# --- the cluster ---
def adapt(template, ours):
    text = json.dumps(template)
    mine = {n["name"]: n for n in ours["nodes"].values()}
    for uuid, n in template["nodes"].items():
        text = text.replace(uuid, mine[n["name"]]["uuid"])
    conf = json.loads(text)
    for n in conf["nodes"].values():
        for key in ("primary_ip", "secondary_ip"):
            n[key] = mine[n["name"]][key]
    conf["cluster"]["enabled_hypervisors"] = ["fake"]  # there are no chroots on the nodes of the tests
    for key in ("candidate_certs", "master_node", "master_ip", "master_netdev", "master_netmask", "file_storage_dir",
                "shared_file_storage_dir", "rsahostkeypub", "dsahostkeypub"):
        if key in ours["cluster"]:
            conf["cluster"][key] = ours["cluster"][key]
        else:
            conf["cluster"].pop(key, None)
    return conf


def running(template, record):
    names = {n["uuid"]: n["name"] for n in template["nodes"].values()}
    for x in record:
        if x.get("path") == "/2/instances?bulk=1":
            state = {i["name"]: i for i in x["reply"]}
            break
    else:
        reply = [x for x in record if x["name"] == "Query-instance-all"][0]["replies"][0]["result"]
        columns = [f["name"] for f in reply["fields"]]
        state = {}
        for r in reply["data"]:
            one = {f: v[1] for f, v in zip(columns, r)}
            state[one["name"]] = one
    for i in template["instances"].values():
        s = state.get(i["name"], {})
        if s.get("oper_ram") is not None:
            print(names[i["primary_node"]], i["name"], s["oper_ram"], s.get("oper_vcpus") or 1, i["uuid"])


# --- what is not written yet ---
def todo(text):
    m = re.search(r"(OP_[A-Z_]+) is not supported by this version", text)
    return m.group(1) if m else None


class Tally:
    def __init__(self, record):
        self.record = os.path.basename(record)[:-5]
        self.same = self.not_yet = self.allowed = self.failed = 0

    def judge(self, name, wrong, refused, misshapen=()):
        text = "%s: %s" % (self.record, name)
        keys = (self.record, name), (self.record[:4], name)
        timing = TIMING.get(keys[1])
        reason = timing or ALLOWED.get(keys[0]) or ALLOWED.get(keys[1])
        if refused:
            self.not_yet += 1
            report(True, "%s: refused, %s is not there yet" % (text, refused))
        elif not wrong:
            self.same += 1
            report(True, text)
            if reason and not timing:
                report(False, "%s: is allowed to differ, but does not" % text)
        elif reason and (reason == OLD or not misshapen):
            self.allowed += 1
            report(True, "%s: differs (%s)" % (text, reason))
        else:
            self.failed += 1
            report(False, text, wrong + list(misshapen))

    def end(self):
        print("# %s: %d replayed: %d the same, %d of opcodes not there yet, %d with a reason to differ, %d wrong" % (
            self.record, self.same + self.not_yet + self.allowed + self.failed, self.same, self.not_yet, self.allowed,
            self.failed))


# --- luxi ---
class Luxi:
    def __init__(self, path):
        self.path = path

    def ask(self, texts):
        out = []
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.path)
            s.sendall(b"".join(t.encode() + b"\3" for t in texts))
            data = b""
            while data.count(b"\3") < len(texts):
                more = s.recv(65536)
                if not more:
                    break
                data += more
            out = [json.loads(t) for t in data.split(b"\3") if t]
        return out

    def call(self, method, *args):
        reply = self.ask([json.dumps({"method": method, "args": args})])[0]
        if not reply["success"]:
            raise RuntimeError(reply["result"])
        return reply["result"]


def result_differs(request, want, got):
    try:
        method, args = request["method"], request["args"]
    except (TypeError, KeyError):
        return compare(want, got)
    if method == "Query" and isinstance(want, dict):
        fields = args[1]
        out = compare(want["fields"], got["fields"], "fields")
        if args[0] == "job":
            return out + shape(want["data"], got["data"], "data")
        plain = [[[v for s, v in r] for r in d["data"]] for d in (want, got)]
        status = [[[s for s, v in r] for r in d["data"]] for d in (want, got)]
        out += rows(fields, plain[0], plain[1], "data")
        return out + rows(fields, status[0], status[1], "status")
    if method in ("QueryInstances", "QueryNodes", "QueryGroups", "QueryNetworks", "QueryFilters") and \
            isinstance(want, list) and not isinstance(want[:1], str):
        return rows(args[1], want, got, "result")
    if method == "QueryJobs" and isinstance(want, list):
        if args[0] is None:
            return shape(want, got, "result")
        return rows(args[1], want, got, "result")
    if method.startswith("Submit") or method == "ReplaceFilter" and isinstance(want, str):
        return shape(want, got, "result")
    return compare(want, got, "result")


def renumbered(v, jobs):
    """Numbers of jobs in texts are ours."""
    if isinstance(v, str):
        return re.sub(r"(?<=[Jj]ob )\d+", lambda m: str(jobs.get(m.group(0), m.group(0))), jobs.get(v, v))
    if isinstance(v, list):
        return [renumbered(i, jobs) for i in v]
    if isinstance(v, dict):
        return {k: renumbered(i, jobs) for k, i in v.items()}
    return v


def replay_luxi(record, path):
    tally, luxi, jobs = Tally(record), Luxi(path), {}
    for x in json.load(open(record)):
        texts = x["requests"]
        for old, new in jobs.items():
            texts = [re.sub(r'(?<=[\[, "])%s(?=[\], "])' % old, str(new), t) for t in texts]
        got = luxi.ask(texts)
        wrong, misshapen, refused = [], [], None
        if len(got) != len(texts):
            wrong.append("%d replies to %d requests" % (len(got), len(texts)))
        for text, w, g in zip(texts, x["replies"], got):
            refused = refused or todo(json.dumps(g))
            try:
                request = json.loads(text)
            except ValueError:
                request = None
            w = renumbered(w, jobs)
            want = w
            if w["success"] != g["success"] or set(w) != set(g):
                wrong.append("answered %s, recorded was %s" % (short(g), short(w)))
            elif not w["success"]:
                wrong += compare(want["result"], g["result"], "error")
            else:
                wrong += result_differs(request, want["result"], g["result"])
                misshapen += shape(want["result"], g["result"], "result")
            if g["success"] and isinstance(request, dict) and str(request.get("method")).startswith("Submit"):
                if isinstance(w["result"], int):
                    jobs[str(w["result"])] = g["result"]
            if g["success"] and isinstance(request, dict) and request.get("method") == "ReplaceFilter":
                if isinstance(w["result"], str) and isinstance(g["result"], str):
                    jobs[w["result"]] = g["result"]
        tally.judge(x["name"], wrong, refused, misshapen)
    tally.end()


# --- REST ---
def replay_rapi(record, where):
    host, port = where.split(":")
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    tally, names = Tally(record), {}
    for x in json.load(open(record)):
        headers = {"Accept": "application/json"}
        if x["auth"]:
            headers["Authorization"] = x["auth"]
        if x["type"]:
            headers["Content-Type"] = x["type"]
        path = x["path"]
        for old, new in names.items():
            path = re.sub(r"(?<=/)%s(?=$|/)" % re.escape(old), str(new), path)
        m = re.match(r"/2/jobs/(\d+)", path)
        if m and int(m.group(1)) > 3 and m.group(1) not in map(str, names.values()) and m.group(1) != "99999":
            names[m.group(1)] = 3  # a job of the recording that nobody submitted through REST
            path = path.replace(m.group(1), "3")
        c = http.client.HTTPSConnection(host, int(port), context=tls, timeout=60)
        c.request(x["method"], path, body=x["body"], headers=headers)
        r = c.getresponse()
        text = r.read().decode()
        c.close()
        try:
            got = json.loads(text)
        except ValueError:
            got = text
        refused = todo(text) if r.status == 400 else None
        wrong = []
        if r.status != x["status"]:
            wrong.append("status %d, recorded was %d: %s" % (r.status, x["status"], short(got)))
        elif path.startswith("/2/jobs") and r.status == 200 and x["method"] == "GET":
            wrong = shape(x["reply"], got, "reply")
        elif isinstance(x["reply"], int) and path != "/version":
            wrong = shape(x["reply"], got, "reply")
            names[str(x["reply"])] = got
        elif x["method"] in ("POST", "PUT") and path.startswith("/2/filters"):
            wrong = shape(x["reply"], got, "reply")
            names[x["reply"]] = got
        elif path.startswith("/2/query") and r.status == 200:
            wrong = compare(x["reply"].get("fields"), got.get("fields"), "fields")
            if "data" in x["reply"]:
                fields = [f["name"] for f in x["reply"]["fields"]]
                wrong += rows(fields, [[v for s, v in row] for row in x["reply"]["data"]],
                              [[v for s, v in row] for row in got["data"]], "data")
        elif path == "/2/features":
            wrong = compare(sorted(x["reply"]), sorted(got), "reply")
        elif path == "/2/filters?bulk=1":  # their order is that of random UUIDs
            wrong = compare(*(sorted(v, key=lambda f: f["priority"]) for v in (x["reply"], got)), "reply")
        else:
            wrong = compare(renumbered(x["reply"], names), got, "reply")
        label = x["name"] if " " in x["name"] and x["name"].split()[1].startswith("/") else \
            "%s (%s %s)" % (x["name"], x["method"], x["path"])
        tally.judge(label, wrong, refused)
    tally.end()


def main():
    what, first, second = sys.argv[1:]
    if what == "config":
        json.dump(adapt(json.load(open(first)), json.load(open(second))), sys.stdout)
    elif what == "running":
        running(json.load(open(first)), json.load(open(second)))
    elif what == "luxi":
        replay_luxi(first, second)
    elif what == "rapi":
        replay_rapi(first, second)
    else:
        sys.exit("contract.py: what?")


main()
