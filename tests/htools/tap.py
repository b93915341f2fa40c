"""Results of a test script, as TAP."""
import sys

number = 0
failed = 0


def check(good, text, note=""):
  global number, failed
  number += 1
  print("%sok %d - %s" % ("" if good else "not ", number, text))
  if not good:
    failed += 1
    for line in str(note).splitlines():
      print("# " + line)


def done():
  print("1..%d" % number)
  sys.exit(failed > 0)
