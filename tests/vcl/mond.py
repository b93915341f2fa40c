#!/usr/bin/env python3
"""mond.py LOAD ADDRESS...: a monitoring daemon on each address that reports LOAD for its processors, until it is told to end."""

import http.server
import json
import sys
import threading

DATA = {"cpu_number": 2, "cpus": [], "cpu_total": float(sys.argv[1])}
REPORT = {"name": "cpu-avg-load", "version": "B", "format_version": 1, "timestamp": 1, "category": None, "kind": 0, "data": DATA}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.path == "/1/report/default/cpu-avg-load"
        body = json.dumps(REPORT).encode() if known else b"Unable to produce a report for the requested resource"
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


for address in sys.argv[2:]:
    server = http.server.ThreadingHTTPServer((address, 1815), Handler)
    threading.Thread(target=server.serve_forever).start()
print("ready", flush=True)
