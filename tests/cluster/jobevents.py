"""The queue directory's events as synnefo's event daemon takes them: a job file is read when it was moved into place.
Prints "FILE STATUS" for each until a job has ended.

jobevents.py DIRECTORY
"""

import json
import sys

import pyinotify


class Handler(pyinotify.ProcessEvent):
    def process_IN_MOVED_TO(self, event):  # pylint: disable=invalid-name
        if not event.name.startswith("job-"):
            return
        with open(event.pathname, encoding="utf-8") as f:
            status = json.load(f)["ops"][-1]["status"]
        print(event.name, status, flush=True)
        if status in ("success", "error", "canceled"):
            sys.exit(0)


def main(directory):
    manager = pyinotify.WatchManager()
    notifier = pyinotify.Notifier(manager, Handler())
    manager.add_watch(directory, pyinotify.IN_MOVED_TO)
    print("watching", flush=True)
    notifier.loop()


main(sys.argv[1])
