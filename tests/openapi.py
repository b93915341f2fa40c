"""Checks of the OpenAPI document; called by openapi.t. Prints TAP."""

import json
import re
import sys
import urllib.parse

from jsonschema import Draft202012Validator

document, reference, official, golden = sys.argv[1:]
doc = json.load(open(document))
text = open(reference).read()
count = failed = 0


def ok(condition, what, why=""):
    global count, failed
    count += 1
    print("%sok %d - %s" % ("" if condition else "not ", count, what))
    if not condition:
        failed += 1
        for line in str(why).splitlines()[:20]:
            print("# " + line)


def problems(schema, value):
    """What is wrong with VALUE by a schema of the document."""
    whole = {"allOf": [schema], "components": doc["components"]}
    return ["%s: %s" % (list(e.absolute_path), e.message[:200])
            for e in Draft202012Validator(whole).iter_errors(value)]


def operations():
    for path, item in doc["paths"].items():
        for method, op in item.items():
            if method != "parameters":
                yield path, method, op


def parameters(path, op):
    for p in doc["paths"][path].get("parameters", []) + op.get("parameters", []):
        while "$ref" in p:
            p = doc["components"]["parameters"][p["$ref"].split("/")[-1]]
        yield p


def content(part):
    return part["content"]["application/json"]["schema"] if part else None


# --- valid ---
wrong = ["%s: %s" % (list(e.absolute_path), e.message[:200])
         for e in Draft202012Validator(json.load(open(official))).iter_errors(doc)]
ok(not wrong, "the official schema accepts the document", "\n".join(wrong))
try:
    from openapi_spec_validator import OpenAPIV31SpecValidator
    wrong = [e.message[:200] for e in OpenAPIV31SpecValidator(doc).iter_errors()]
    ok(not wrong, "openapi-spec-validator accepts the document", "\n".join(wrong))
except ImportError:
    count += 1
    print("ok %d # SKIP no openapi-spec-validator" % count)
broken = []
for name, schema in doc["components"]["schemas"].items():
    try:
        Draft202012Validator.check_schema(schema)
    except Exception as e:
        broken.append("%s: %s" % (name, e))
ok(not broken, "schemas are schemas", "\n".join(broken))
refs = set(re.findall(r'"\$ref": *"([^"]*)"', json.dumps(doc)))
lost = []
for r in refs:
    at = doc
    for part in r[2:].split("/"):
        at = at.get(part) if isinstance(at, dict) else None
    if at is None:
        lost.append(r)
ok(refs and not lost, "references lead somewhere", "\n".join(lost))
ids = [op["operationId"] for _, _, op in operations()]
ok(len(ids) == len(set(ids)), "operations have names of their own")
bad = ["%s %s" % (m, p) for p, m, op in operations()
       if set(re.findall(r"{(\w+)}", p)) != {x["name"] for x in parameters(p, op) if x["in"] == "path"}]
ok(not bad, "names in paths are parameters", "\n".join(bad))
undocumented = ["%s %s" % (m, p) for p, m, op in operations()
                if not op.get("summary") or any(not x.get("description") for x in parameters(p, op))]
ok(not undocumented, "everything has a description", "\n".join(undocumented))
ok(len(doc["paths"]) == 61, "as many resources as upstream", len(doc["paths"]))

# defaults are values that their own schemas accept
lies = []


def defaults(where, schema):
    if isinstance(schema, dict):
        if "default" in schema and "type" in schema or "anyOf" in schema and "default" in schema:
            lies.extend("%s: %s" % (where, p) for p in problems(schema, schema["default"]))
        for k, v in schema.items():
            if k != "default":
                defaults(where + "/" + k, v)
    elif isinstance(schema, list):
        for i, v in enumerate(schema):
            defaults("%s/%d" % (where, i), v)


for name, schema in doc["components"]["schemas"].items():
    defaults(name, schema)
ok(not lies, "defaults are valid values", "\n".join(lies))

# --- true: exchanges with a real cluster ---


# bodies sent by the recording which upstream does not look at
NO_BODY = {"/2/instances/{instance_name}/startup"}
# asked for by the recording, without effect there
IGNORED = {("dry-run", "/2/nodes/{node_name}/powercycle")}


def find(method, path):
    for p, m, op in operations():
        if m == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", p), path):
            return p, op
    return None, None


def json_of(body):
    try:
        return json.loads(body)
    except ValueError:
        return None


for q in json.load(open(golden)):
    method, url = q["method"].lower(), urllib.parse.urlsplit(q["path"])
    what = "%s %s -> %d" % (q["method"], q["path"], q["status"])
    path, op = find(method, url.path)
    if op is None:
        ok(q["status"] in (404, 501), "%s: not in the document" % what)
        continue
    wrong = []
    known = {p["name"]: p for p in parameters(path, op) if p["in"] == "query"}
    for name, values in urllib.parse.parse_qs(url.query).items():
        if name not in known and (name, path) not in IGNORED:
            wrong.append("unknown query argument %s" % name)
        elif name in known and known[name]["schema"].get("type") == "integer":
            wrong += problems(known[name]["schema"], int(values[0]))
    reply = content(op["responses"]["200"]) if q["status"] == 200 else {"$ref": "#/components/schemas/Error"}
    if not (str(q["status"]) in op["responses"] or q["status"] in (415, 501)):
        wrong.append("status %d is not declared" % q["status"])
    wrong += ["reply " + p for p in problems(reply, q["reply"])]
    if q["status"] == 200 and q["body"]:
        schema = content(op.get("requestBody"))
        if schema:
            wrong += ["body " + p for p in problems(schema, json.loads(q["body"]))]
        elif path not in NO_BODY:
            wrong.append("no body declared")
    # upstream names what is wrong with a body: so does the document
    text_ = str((q["reply"] or {}).get("message")) if q["status"] == 400 else ""
    if text_.startswith(("Invalid body parameters", "Can&#x27;t overwrite", "Can&#x27;t set")) and \
            op.get("requestBody") and not problems(content(op["requestBody"]), json_of(q["body"])):
        wrong.append("the document accepts a body that upstream refuses: %s" % text_)
    ok(not wrong, what, "\n".join(wrong))

# --- the reference says the same ---
absent = ["%s %s" % (m.upper(), p) for p, m, op in operations()
          if "%s %s\n" % (m.upper(), p.replace("{", "<").replace("}", ">")) not in text]
ok(not absent, "the reference has all operations", "\n".join(absent))
absent = [n for n, s in doc["components"]["schemas"].items()
          if not re.search(r"^%s$" % n, text, re.M) or
          any(not re.search(r"^ +%s \(" % re.escape(k), text, re.M) for k in s.get("properties", {}))]
ok(not absent, "the reference has all dictionaries with their keys", "\n".join(absent))
absent = ["%s %s: %s" % (m, p, k) for p, m, op in operations() if op.get("requestBody")
          for k in content(op["requestBody"]).get("properties", {})
          if not re.search(r"^ +%s \(" % re.escape(k), text, re.M)]
ok(not absent, "the reference has all keys of bodies", "\n".join(absent))

print("1..%d" % count)
sys.exit(failed != 0)
