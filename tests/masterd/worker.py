#!/usr/bin/env python3
"""A job worker that sends every call again to the next master, as if it had not heard the answer.

Started by the master instead of ganeti-job-worker. For a job whose first opcode has the comment "again" it makes
some calls, writes the answers to the file $WORKER_OUT.JOB and waits until the master is gone; it comes back to the
next one, sends the last call again, and so on for every call; then the job ends. With the comment "between" it stops
after that opcode, outlives the master and dies when there is the file $WORKER_OUT.die. With "late" it takes leave of a
job that has ended when there is the file $WORKER_OUT.go. All else succeeds at once.
"""
import ctypes
import json
import os
import socket
import struct
import sys
import time


class Gone(Exception):
    pass


class Channel:
    def __init__(self, sock):
        self.sock = sock

    def send(self, msg):
        text = json.dumps(msg).encode()
        try:
            self.sock.sendall(struct.pack(">I", len(text)) + text)
        except OSError:
            raise Gone()

    def exactly(self, n):
        data = b""
        while len(data) < n:
            try:
                more = self.sock.recv(n - len(data))
            except OSError:
                raise Gone()
            if not more:
                raise Gone()
            data += more
        return data

    def read(self):
        n, = struct.unpack(">I", self.exactly(4))
        return json.loads(self.exactly(n))

    def call(self, number, name, args):
        self.send({"call": name, "id": number, "args": args})
        while True:
            msg = self.read()
            if msg.get("reply") == number:
                return msg.get("error") or msg["result"]


def attach(job, nonce):
    while True:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(os.environ["JOBS_SOCKET"])
            chan = Channel(sock)
            chan.send({"attach": job, "nonce": nonce})
            if chan.read().get("attached"):
                return chan
        except (OSError, Gone):
            pass
        sock.close()
        time.sleep(0.05)


def again(chan, request):
    job, nonce = request["job"], request["nonce"]
    steps = [
        ("op_running", {"op": 0}),
        ("log", {"op": 0, "type": "message", "message": "once"}),
        ("lock", {"level": "node", "names": ["x"], "mode": "exclusive"}),
        ("generate_mac", {"prefix": "aa:00:00"}),
        ("reserve_name", {"kind": "instance", "name": "inst%d" % job}),
        ("commit", {"changes": json.loads(os.environ["WORKER_CHANGES"])}),
        ("submit", {"jobs": [[{"OP_ID": "OP_TEST_DELAY", "duration": 0, "no_locks": True, "reason": []}]]}),
        ("op_done", {"op": 0, "result": None}),
    ]
    out = os.environ["WORKER_OUT"] + ".%d" % job
    for number, (name, args) in enumerate(steps, 1):
        first = chan.call(number, name, args)
        with open(out + ".new", "w") as f:
            f.write(name)
        os.rename(out + ".new", out)
        try:
            chan.read()
        except Gone:
            pass
        chan = attach(job, nonce)
        second = chan.call(number, name, args)
        with open(out + ".said", "a") as f:
            f.write("%s %s\n" % (name, "same" if first == second else "%s %s" % (first, second)))
    chan.call(len(steps) + 1, "op_done", {"op": 1, "result": True})
    return chan


def one_op(chan, i):
    chan.call(2 * i + 1, "op_running", {"op": i})
    chan.call(2 * i + 2, "op_done", {"op": i, "result": None})


def wait_file(name):
    while not os.path.exists(os.environ["WORKER_OUT"] + name):
        time.sleep(0.05)


def between(chan):
    one_op(chan, 0)
    wait_file(".die")
    os._exit(0)


def main():
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)  # PR_SET_PDEATHSIG: it outlives the master that started it
    chan = Channel(socket.socket(fileno=3))
    while True:
        request = chan.read()
        comment = request["ops"][0].get("comment")
        if comment == "again":
            chan = again(chan, request)
        elif comment == "between" and request["first"] == 0:
            between(chan)
        else:
            for i in range(request["first"], len(request["ops"])):
                one_op(chan, i)
            if comment == "late":
                wait_file(".go")
        chan.send({"final": True})


try:
    main()
except Gone:
    sys.exit(0)
