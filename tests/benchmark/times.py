"""The report of a run as CSV: statement, seconds, rounds, and the bytes of the seat that sends most."""

import csv
import json
import sys

with open(sys.argv[1]) as file:
    statements = json.load(file)["statements"]
writer = csv.writer(sys.stdout, lineterminator="\n")
writer.writerow(["statement", "seconds", "rounds", "bytes"])
for statement in statements:
    writer.writerow([statement.get(name) for name in ["sql", "seconds", "rounds", "bytes"]])
