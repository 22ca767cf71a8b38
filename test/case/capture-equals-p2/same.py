# SPDX-License-Identifier: Apache-2.0
"""same.py A B: are the tables of two stores alike, but for the ledger, which tells when weir ran?"""
import sqlite3
import sys


def tables(path):
    db = sqlite3.connect(path)
    names = [n for n, in db.execute("select name from sqlite_master where type = 'table' order by name")]
    return {n: sorted(map(repr, db.execute('select * from "%s"' % n)))
            for n in names if not n.startswith("weir_") and not n.endswith("_ledger")}


a, b = map(tables, sys.argv[1:3])
rows = sum(map(len, a.values()))
different = sorted(n for n in a.keys() | b.keys() if a.get(n) != b.get(n))
print("alike" if not different and rows > 500 else "DIFFERENT: %s" % ", ".join(different or ["empty"]))
