"""Wrong input of every kind, as two tables; called by 0850-wrong.t on a cluster in the recorded state.

wrong.py luxi SOCKET        every row gets exactly that error
wrong.py rapi HOST:PORT     every row gets that status, and upstream's error body with that message
wrong.py slow HOST:PORT     requests that are never finished keep nobody out
"""
import html
import http.client
import json
import re
import socket
import ssl
import sys
import time

BAD = "Failed to parse request: "


def report(good, text, why=""):
    print("%sok - %s" % ("" if good else "not ", text))
    if not good:
        for line in str(why).splitlines()[:6]:
            print("# " + line[:500])
    sys.stdout.flush()


def cannot(args, why):
    return BAD + "Cannot convert value '%s', error: %s" % (json.dumps(args), why)


def parse(method, *args, why):
    """A call whose arguments can't be read."""
    return (method, list(args), cannot(list(args), why))


DELAY = {"OP_ID": "OP_TEST_DELAY", "reason": [], "duration": 0}


def delay(**more):
    op = dict(DELAY)
    op.update(more)
    return [[{k: v for k, v in op.items() if v is not Ellipsis}]]


def prereq(text, code="wrong_input"):
    return ["OpPrereqError", [text, code]]


# method, arguments, the error: a text, or [class, [arguments]]
LUXI = [
    ("FooBar", [], BAD + 'Unable to parse LUXI request method: Invalid string value for type LuxiReq: "FooBar"'),
    # --- arguments of the wrong number and kind
    parse("Query", "node", ["name"], why="Unable to read Triple"),
    parse("Query", "node", "name", None, why="Unable to read List"),
    parse("Query", "node", [1], None, why="Unable to read String"),
    parse("Query", "foo", ["name"], None,
          why="Can't parse value 'foo' as neitherQueryTypeLuxi nor QueryTypeOp"),
    parse("QueryFields", "foo", None, why="Can't parse value 'foo' as neitherQueryTypeLuxi nor QueryTypeOp"),
    parse("QueryFields", "node", why="Unable to read Pair"),
    parse("QueryFields", "node", "name", why="Unable to read List"),
    ("Query", ["os", ["name"], None], ["GenericError", ["Query 'ItemTypeOpCode QROs' not supported"]]),
    ("QueryFields", ["cluster", None], ["GenericError", ["QueryFields 'ItemTypeOpCode QRCluster' not supported"]]),
    parse("QueryNodes", [], ["name"], why="Unable to read Triple"),
    parse("QueryNodes", "x", ["name"], False, why="Unable to read List"),
    parse("QueryInstances", [], ["name"], "no", why="Unable to read Bool"),
    ("QueryInstances", [[], ["name"], True], prereq("Sync queries are not allowed")),
    ("QueryNodes", [[], ["name"], True], prereq("Sync queries are not allowed")),
    ("QueryGroups", [[], ["name"], True], prereq("Sync queries are not allowed")),
    ("QueryNetworks", [[], ["name"], True], prereq("Sync queries are not allowed")),
    ("QueryExports", [[], True], prereq("Sync queries are not allowed")),
    ("QueryInstances", [[], ["name", "foo", "bar"], False], prereq("Unknown output fields selected: foo, bar")),
    ("QueryNodes", [[], ["foo"], False], prereq("Unknown output fields selected: foo")),
    ("QueryGroups", [[], ["foo"], False], prereq("Unknown output fields selected: foo")),
    ("QueryNetworks", [[], ["foo"], False], prereq("Unknown output fields selected: foo")),
    ("QueryJobs", [None, ["foo"]], prereq("Unknown output fields selected: foo")),
    ("QueryFilters", [None, ["foo"]], prereq("Unknown output fields selected: foo")),
    parse("QueryJobs", ["x"], ["id"], why="parsing job id: could not parse string 'x'"),
    parse("QueryJobs", [-1], ["id"], why="Invalid value for job ID ' -1'"),
    parse("QueryJobs", [1.5], ["id"], why="Wrong type/value for job id"),
    parse("QueryFilters", "x", ["uuid"], why="Unable to read List"),
    parse("QueryTags", "node", why="Unable to read Pair"),
    parse("QueryTags", "foo", "x", why='Invalid string value for type TagKind: "foo"'),
    parse("QueryTags", "node", 1, why="Unable to read String"),
    ("QueryTags", ["node", "nope"], prereq("Node name nope not found", "unknown_entity")),
    ("QueryTags", ["nodegroup", "nope"], prereq("Group name nope not found", "unknown_entity")),
    ("QueryTags", ["instance", "nope"], prereq("Instance name nope not found", "unknown_entity")),
    ("QueryTags", ["network", "nope"], prereq("Network name nope not found", "unknown_entity")),
    # --- filters
    parse("Query", "node", ["name"], "x", why="Cannot deserialise filter, expected a list starting with an operator"),
    parse("Query", "node", ["name"], ["foo"], why="Unknown filter operand 'foo'"),
    parse("Query", "node", ["name"], ["=", "name"],
          why='Cannot deserialise field/value pair, expected [fieldname, value] but got ["name"]'),
    parse("Query", "node", ["name"], ["?", "name", 1],
          why='Cannot deserialise field, expected [fieldname] but got ["name",1]'),
    parse("Query", "node", ["name"], ["&", ["=~", "name", "("]], why="Invalid regular expression '('"),
    ("Query", ["node", ["name"], ["=", "foo", 1]], ["ParameterError", ["Can't find field named 'foo'"]]),
    ("Query", ["node", ["name"], ["?", "name"]],
     ["ParameterError", ["Unexpected value '\"node1.example.com\"' in boolean context"]]),
    ("Query", ["node", ["name"], ["<", "name", 1]],
     ["ParameterError",
      ["Invalid types in comparison, trying to compare \"node1.example.com\" with 'NumericValue 1'"]]),
    ("Query", ["node", ["name"], ["=~", "pinst_cnt", "x"]],
     ["ParameterError", ["Invalid field value used in regexp matching, expecting string but got '3'"]]),
    # --- jobs
    parse("SubmitJob", why="Unable to read 1 tuple"),
    ("SubmitJob", [7], cannot([7], "Unable to read List")),
    ("SubmitJob", [[7]], BAD + "SubmitJob: Unable to read JSObject"),
    ("SubmitJob", delay(OP_ID=...), BAD + "SubmitJob: key 'OP_ID' not found, object contains only "
     '["duration","reason"]'),
    ("SubmitJob", delay(OP_ID="OP_FOO"), BAD + "SubmitJob: Unknown opcode OP_FOO"),
    ("SubmitJob", delay(reason=...), BAD + "SubmitJob: key 'reason' not found, object contains only "
     '["OP_ID","duration"]'),
    ("SubmitJob", delay(duration=...), BAD + "SubmitJob: key 'duration' not found, object contains only "
     '["OP_ID","reason"]'),
    ("SubmitJob", delay(duration="x"), BAD + "SubmitJob: Can't parse value for 'duration': Unable to read Double"),
    ("SubmitJob", delay(repeat="x"), BAD + "SubmitJob: Can't parse value for 'repeat': Unable to read Int"),
    ("SubmitJob", delay(on_master=1), BAD + "SubmitJob: Can't parse value for 'on_master': Unable to read Bool"),
    ("SubmitJobToDrainedQueue", delay(OP_ID="OP_FOO"), BAD + "SubmitJobToDrainedQueue: Unknown opcode OP_FOO"),
    ("SubmitManyJobs", [delay(OP_ID="OP_FOO")], BAD + "SubmitManyJobs: Unknown opcode OP_FOO"),
    parse("SubmitManyJobs", 1, why="Unable to read List"),
    parse("CancelJob", "x", False, why="parsing job id: could not parse string 'x'"),
    parse("CancelJob", 1, "yes", why="Unable to read Bool"),
    parse("ArchiveJob", [1], why="Wrong type/value for job id"),
    parse("ArchiveJob", -3, why="Invalid value for job ID ' -3'"),
    parse("ChangeJobPriority", 1, why="Unable to read Pair"),
    parse("ChangeJobPriority", 1, "high", why="Unable to read Int"),
    parse("AutoArchiveJobs", "x", 1, why="Unable to read Int"),
    parse("AutoArchiveJobs", 1, why="Unable to read Pair"),
    ("WaitForJobChange", [1, ["id"]], BAD + "Parsing WaitForJobChange message: Not enough values"),
    ("WaitForJobChange", ["x", ["id"], None, None, 1],
     BAD + "Parsing WaitForJobChange message: parsing job id: could not parse string 'x'"),
    ("WaitForJobChange", [1, "id", None, None, 1], BAD + "Parsing WaitForJobChange message: Unable to read List"),
    ("WaitForJobChange", [99999, ["id"], None, None, 1], ["JobLost", ["Can't load job file"]]),
    # --- the queue, the watcher, filter rules
    parse("SetDrainFlag", 1, why="Unable to read Bool"),
    parse("SetWatcherPause", "x", why="Unable to read Double"),
    parse("ReplaceFilter", None, -1, [], "ACCEPT", [], why="Invalid value for non-negative type '-1'"),
    parse("ReplaceFilter", None, 1, [], "ACCEPT", why="Unable to read 5 tuple"),
    ("ReplaceFilter", ["x", 1, [], "ACCEPT", []], ["GenericError", ["Unable to parse UUID"]]),
    ("DeleteFilter", ["00000000-0000-0000-0000-000000000000"],
     ["GenericError", ["Filter rule with UUID 00000000-0000-0000-0000-000000000000 does not exist"]]),
    ("PickupJob", [1], ["GenericError", ["Luxi call 'PickupJob' is for internal use only"]]),
]


def luxi(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(path)
        f = s.makefile("rb")
        for method, args, want in LUXI:
            s.sendall(json.dumps({"method": method, "args": args}).encode() + b"\3")
            text = b""
            while not text.endswith(b"\3"):
                text += f.read(1)
            got = json.loads(text[:-1])
            same = got["result"] == want or isinstance(want, str) and isinstance(got["result"], str) and \
                got["result"].split() == want.split()
            report(same and not got["success"], "luxi: %s %s" % (method, json.dumps(args)[:70]),
                   "wanted %s\ngot    %s" % (want, got["result"]))
    print("# luxi: %d wrong requests" % len(LUXI))


INST, NODE = "/2/instances/inst1.example.com", "/2/nodes/node1.example.com"
JSON = {"Content-Type": "application/json"}
UNREAD = "Unable to parse JSON data"
CREATE = {"__version__": 1, "mode": "create", "instance_name": "inst40.example.com", "disk_template": "diskless",
          "disks": [], "nics": []}


def create(**more):
    return {**CREATE, **more}


def number(name):
    return "Invalid value for the '%s' parameter" % name


def missing(name):
    return "Missing the required '%s' parameter" % name


def kind(is_, wanted, what="Body contents"):
    return "%s: Type is '%s', but '%s' is expected" % (what, is_, wanted)


def invalid(text):
    return "Invalid body parameters: (\"%s\", 'wrong_input')" % text


PHRASES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 415: "Unsupported Media Type"}
# method, path, body (text is sent as it is), status, message (None: that of the status), headers instead of JSON's
RAPI = [
    # --- what is not there
    ("GET", "/nope", None, 404, None),
    ("GET", "/2/nodes/", None, 404, None),
    ("GET", "/2/nodes/a%20b", None, 404, None),
    ("GET", "/2/jobs/x", None, 404, None),
    ("POST", INST + "/disk/x/grow", {}, 404, None),
    ("GET", "/2/query/nope?fields=name", None, 404, None),
    ("GET", "/2/query/nope/fields", None, 404, None),
    ("GET", "/2/instances/nope.example.com", None, 404, None),
    ("GET", "/2/nodes/nope", None, 404, None),
    ("GET", "/2/nodes/nope/role", None, 404, None),
    ("GET", "/2/groups/nope", None, 404, None),
    ("GET", "/2/networks/nope", None, 404, None),
    ("GET", "/2/filters/nope", None, 404, None),
    ("GET", "/2/instances/nope/tags", None, 404, None),
    ("GET", "/2/instances/nope/console", None, 404, None),
    ("POST", "/2", None, 501, "Method POST is unsupported for path /2"),
    ("PATCH", "/2/nodes", None, 501, "Method PATCH is unsupported for path /2/nodes"),
    ("DELETE", NODE, None, 501, "Method DELETE is unsupported for path " + NODE),
    # --- who asks
    ("GET", "/2/info", None, 401, None, {}),
    ("GET", "/2/nope", None, 401, None, {}),
    ("GET", "/2/info", None, 401, None, {"Authorization": "Basic !!"}),
    ("GET", "/2/info", None, 401, None, {"Authorization": "Digest x"}),
    ("PUT", "/2/redistribute-config", None, 403, None, {"Authorization": "Basic cmVhZGVyOnJwYXNz"}),
    # --- bodies that are no JSON
    ("POST", "/2/instances", "{bad", 400, UNREAD),
    ("POST", "/2/instances", "{'a': 1}", 400, UNREAD),
    ("POST", "/2/instances", "[1] [2]", 400, UNREAD),
    ("POST", "/2/instances", "{}", 415, None, {"Content-Type": "text/plain"}),
    ("POST", "/2/instances", "{}", 415, None, {"Content-Type": "application/jsonx"}),
    ("POST", "/2/instances", "{}", 415, None, {"X-None": "1"}),
    # --- bodies of the wrong kind
    ("POST", "/2/instances", [1], 400, kind("list", "dict")),
    ("POST", "/2/instances", None, 400, kind("NoneType", "dict")),
    ("POST", "/2/instances", {}, 400, "Instance creation request version 0 is no longer supported"),
    ("POST", "/2/instances", {"__version__": 2}, 400, "Unsupported request data version 2"),
    ("POST", "/2/groups", "text", 400, UNREAD),
    ("POST", "/2/groups", '"text"', 400, kind("str", "dict")),
    ("PUT", "/2/modify", 5, 400, kind("int", "dict")),
    ("PUT", "/2/query/node", [], 400, kind("list", "dict")),
    ("PUT", "/2/query/node", {}, 400, "Missing 'fields' query argument"),
    ("GET", "/2/query/node", None, 400, "Missing 'fields' query argument"),
    ("PUT", NODE + "/role", None, 400, kind("NoneType", "str")),
    ("PUT", NODE + "/role", {"role": "x"}, 400, kind("dict", "str")),
    ("PUT", NODE + "/role", '"master"', 400, "Can't set 'master' role"),
    # --- parameters
    ("POST", "/2/instances", create(bogus=1), 400,
     "Invalid body parameters: Object OpInstanceCreate doesn't support the parameter 'bogus'"),
    ("POST", "/2/instances", create(disks=5), 400,
     invalid("Parameter 'OP_INSTANCE_CREATE.disks' fails validation")),
    ("POST", "/2/instances", create(disk_template="foo"), 400,
     invalid("Parameter 'OP_INSTANCE_CREATE.disk_template' fails validation")),
    ("POST", "/2/instances", create(os_type="x", os="y"), 400,
     "Parameter 'os' was renamed to 'os_type', but both are specified"),
    ("POST", "/2/instances?dry-run=1", create(dry_run=True), 400, "Can't overwrite static parameters {'dry_run'}"),
    ("POST", "/2/instances", create(reason=[]), 400, "Can't overwrite static parameters {'reason'}"),
    ("PUT", INST + "/modify", {"instance_name": "x"}, 400, "Can't overwrite static parameters {'instance_name'}"),
    ("PUT", INST + "/rename", {}, 400, invalid("Required parameter 'OP_INSTANCE_RENAME.new_name' missing")),
    ("POST", INST + "/disk/0/grow", {"amount": "x"}, 400,
     invalid("Parameter 'OP_INSTANCE_GROW_DISK.amount' fails validation")),
    ("POST", INST + "/disk/0/grow", {"disk": 1, "amount": 1}, 400, "Can't overwrite static parameters {'disk'}"),
    ("PUT", INST + "/modify", {"custom_beparams": {}, "beparams": {}}, 400,
     "Parameter 'custom_beparams' was renamed to 'beparams', but both are specified"),
    ("PUT", "/2/modify", {"compression_tools": ["gzip"]}, 403, "The parameter compression_tools cannot be set via RAPI"),
    ("PUT", INST + "/prepare-export", {"mode": "local"}, 400,
     invalid("Parameter 'OP_BACKUP_PREPARE.mode' fails validation")),
    ("POST", INST + "/reboot?type=foo", None, 400,
     invalid("Parameter 'OP_INSTANCE_REBOOT.reboot_type' fails validation")),
    ("POST", INST + "/reboot", {"reboot_type": "hard"}, 400, "Can't overwrite static parameters {'reboot_type'}"),
    ("POST", INST + "/replace-disks", {"mode": "replace_auto", "disks": "0,x"}, 400,
     "Invalid disk index passed: invalid literal for int() with base 10: 'x'"),
    ("POST", INST + "/reinstall?os=noop", {"os": "noop"}, 400, "Can't combine query and body parameters"),
    ("POST", INST + "/reinstall", [1], 400, "Invalid body contents, not a dictionary"),
    ("POST", INST + "/reinstall", {"start": 1}, 400, kind("int", "bool", "'start' parameter")),
    ("POST", "/2/instances-multi-alloc", {}, 400, "Request is missing required 'instances' field in body"),
    ("POST", "/2/instances-multi-alloc", {"instances": [CREATE]}, 400,
     "Invalid body parameters: Object OpInstanceCreate doesn't support the parameter '__version__'"),
    ("POST", "/2/instances-multi-alloc", {"instances": [1]}, 400, kind("int", "dict")),
    # --- query arguments
    ("GET", "/2/instances?bulk=x", None, 400, number("bulk")),
    ("GET", "/2/nodes?bulk=yes", None, 400, number("bulk")),
    ("GET", "/2/jobs?bulk=x", None, 400, number("bulk")),
    ("GET", "/2/filters?bulk=x", None, 400, number("bulk")),
    ("GET", INST + "?lock=x", None, 400, number("lock")),
    ("GET", INST + "?lock=1", None, 400, "Sync queries are not allowed"),
    ("PUT", INST + "/startup?force=x", None, 400, number("force")),
    ("PUT", INST + "/startup?dry-run=x", None, 400, number("dry-run")),
    ("PUT", INST + "/tags?tag=a&dry-run=x", None, 400, number("dry-run")),
    ("GET", INST + "/info?static=x", None, 400, number("static")),
    ("PUT", INST + "/activate-disks?ignore_size=x", None, 400, number("ignore_size")),
    ("PUT", NODE + "/role?auto-promote=x", '"regular"', 400, number("auto-promote")),
    ("POST", NODE + "/migrate?live=x", None, 400, number("live")),
    ("POST", NODE + "/migrate?live=1&mode=live", None, 400, "Only one of 'live' and 'mode' should be passed"),
    ("GET", NODE + "/storage?storage_type=file", None, 400, missing("output_fields")),
    ("PUT", NODE + "/storage/modify?storage_type=lvm-pv", None, 400, missing("name")),
    ("PUT", NODE + "/storage/modify?storage_type=lvm-pv&name=x&allocatable=x", None, 400, number("allocatable")),
    ("PUT", NODE + "/storage/repair?storage_type=lvm-vg", None, 400, missing("name")),
    ("PUT", NODE + "/storage/repair?name=x&storage_type=foo", None, 400,
     invalid("Parameter 'OP_REPAIR_NODE_STORAGE.storage_type' fails validation")),
    # --- filter rules and waiting
    ("POST", "/2/filters", [1], 400, "Invalid body contents, not a dictionary"),
    ("POST", "/2/filters", {"bogus": 1}, 400,
     "Invalid body parameters: filter rule doesn't support the parameter 'bogus'"),
    ("POST", "/2/filters", {"priority": "x"}, 400, kind("str", "int", "'priority' parameter")),
    ("POST", "/2/filters", {"predicates": {}}, 400, kind("dict", "list", "'predicates' parameter")),
    ("POST", "/2/filters", {"reason": "x"}, 400, kind("str", "list", "'reason' parameter")),
    ("GET", "/2/jobs/1/wait", None, 400, "Required parameter 'fields' is missing"),
    ("GET", "/2/jobs/1/wait", {"fields": "id"}, 400, "The 'fields' parameter should be a list"),
    ("GET", "/2/jobs/1/wait", {"fields": ["id"], "previous_job_info": 1}, 400,
     "The 'previous_job_info' parameter should be a list"),
    ("GET", "/2/jobs/1/wait", {"fields": ["id"], "previous_log_serial": "x"}, 400,
     "The 'previous_log_serial' parameter should be a number"),
    ("GET", "/2/jobs/99999/wait", {"fields": ["id"]}, 500, "Can't load job file"),
]
# what is no request at all: text, status; the body is the same
RAW = [
    (b"nonsense\r\n\r\n", 400),
    (b"GET /2/info HTTP/1.1\r\n\r\n", 400),
    (b"GET /2/info HTTP/3.0\r\nHost: x\r\n\r\n", 505),
    (b"POST /2/instances HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413),
    (b"POST /2/instances HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400),
    (b"GET /2/info HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 40000 + b"\r\n\r\n", 431),
]


def judge_body(status, text, message):
    try:
        body = json.loads(text)
    except ValueError:
        return False
    return set(body) == {"code", "message", "explain"} and body["code"] == status and body["explain"] and \
        (message is None or html.unescape(body["message"]) == message)


def rapi(where):
    host, port = where.split(":")
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    for row in RAPI:
        method, path, body, status, message = row[:5]
        headers = {"Authorization": "Basic YWRtaW46c2VjcmV0"}
        if body is not None and not isinstance(body, str):
            body = json.dumps(body)
        if len(row) > 5 and status in (401, 403):
            headers = row[5]
        else:
            headers.update(row[5] if len(row) > 5 else JSON)
        c = http.client.HTTPSConnection(host, int(port), context=tls, timeout=60)
        c.request(method, path, body=body, headers=headers)
        r = c.getresponse()
        text = r.read().decode()
        c.close()
        report(r.status == status and judge_body(status, text, message or PHRASES[status]) and
               r.getheader("Content-Type") == "application/json" and
               (status != 401 or r.getheader("WWW-Authenticate") == 'Basic realm="Ganeti Remote API"'),
               "REST: %s %s %s -> %d" % (method, path, str(body or "")[:40], status),
               "wanted %s\ngot    %d %s" % (message or PHRASES[status], r.status, text))
    for data, status in RAW:
        with socket.create_connection((host, int(port)), 30) as plain:
            s = tls.wrap_socket(plain)
            s.sendall(data)
            text = b""
            while True:
                more = s.recv(65536)
                if not more:
                    break
                text += more
        head, _, body = text.decode().partition("\r\n\r\n")
        got = re.match(r"HTTP/1.1 (\d+) ", head)
        report(got and int(got.group(1)) == status and judge_body(status, body, None),
               "REST: %r is answered with %d" % (data[:40], status), text.decode())
    print("# REST: %d wrong requests" % (len(RAPI) + len(RAW)))


def slow(where):
    host, port = where.split(":")
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    held = []
    for k in range(30):  # the daemon has 20 places
        plain = socket.create_connection((host, int(port)), 30)
        if k % 3:
            plain = tls.wrap_socket(plain)
            plain.sendall(b"POST /2/instances HTTP/1.1\r\nHost: x\r\n" +
                          (b"Content-Length: 1000\r\n\r\n{" if k % 2 else b""))
        held.append(plain)
    began = time.monotonic()
    c = http.client.HTTPSConnection(host, int(port), context=tls, timeout=60)
    c.request("GET", "/version", headers={"Authorization": "Basic YWRtaW46c2VjcmV0"})
    status = c.getresponse().status
    took = time.monotonic() - began
    report(status == 200 and took < 9, "REST: answered beside %d half-sent requests" % len(held),
           "status %d after %.1f s" % (status, took))
    for s in held:
        s.close()


{"luxi": luxi, "rapi": rapi, "slow": slow}[sys.argv[1]](sys.argv[2])
