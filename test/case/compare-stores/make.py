# SPDX-License-Identifier: Apache-2.0
"""make.py: two stores as the sqlite sink makes them, by hand."""
import sqlite3

TAIL = "records INTEGER, closed_by TEXT, revision INTEGER"


def store(path, tables):
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("CREATE TABLE weir_epoch (recipe TEXT PRIMARY KEY, epoch INTEGER NOT NULL)")
    db.execute("INSERT INTO weir_epoch VALUES (?, 7)", (path,))
    for name, columns, keys, rows in tables:
        db.execute('CREATE TABLE "%s" (%s, PRIMARY KEY (%s)) WITHOUT ROWID' % (name, columns, keys))
        for row in rows:
            db.execute('INSERT INTO "%s" VALUES (%s)' % (name, ",".join("?" * len(row))), row)
    db.commit()
    db.close()


T = 1763719200
REJECTS = ("timestamp INTEGER NOT NULL, file TEXT NOT NULL, offset INTEGER NOT NULL, line INTEGER, reason TEXT, field TEXT, "
           "sample TEXT")


def rejects(start, more):
    """The same three lines, read from `start` on; two complaints of one place; and more."""
    rows = [("b.txt", 70, 2, "too few fields", None, "x"), ("a.txt", 100, 3, "no number", "id", "y"),
            ("a.txt", 20, 1, "no number", "id", "z"), ("a.txt", 0, None, "truncated", None, None),
            ("a.txt", 0, None, "truncated", None, None)] + more
    return ("p2_rejects", REJECTS, "timestamp, file, offset", [(start + i,) + row for i, row in enumerate(rows)])


SITE = "timestamp INTEGER NOT NULL, site TEXT NOT NULL, bytes INTEGER, rtt REAL, "
store("a.db", [
    ("p2_site", SITE + "old INTEGER, " + TAIL, "timestamp, site", [
        (T, "", 1, 0.5, 0, 1, "sealed", 0),
        (T, "berlin", 100, 0.25, 0, 3, "sealed", 0),
        (T, "møn", 5, None, 0, 1, "sealed", 0),
        (T + 60, "berlin", 100, 1e-3, 0, 3, "sealed", 0),
        (T + 60, "oslo", 2, 0.5, 0, 1, "sealed", 0),
        (T + 120, "berlin", 2**62 + 1, 0.5, 0, 1, "sealed", 0)]),
    ("p2_key", "timestamp INTEGER NOT NULL, a TEXT NOT NULL", "timestamp, a", [(T, "x")]),
    ("p2_only", "timestamp INTEGER NOT NULL", "timestamp", [(T,)]),
    ("p2_same", SITE + TAIL, "timestamp, site", [(T + i, "s", i, 0.1, 1, "end", 0) for i in range(500)]),
    ("p2_ledger", "timestamp INTEGER NOT NULL, read INTEGER", "timestamp", [(T, 1)]),
    rejects(T, []),
])
store("b.db", [
    ("p2_site", SITE + TAIL + ", fresh TEXT", "timestamp, site", [
        (T, "", 1.0, 0.5, 1, "sealed", 0, None),
        (T, "berlin", 100, 0.25, 3, "idle", 2, None),
        (T, "møn", 5, 0.75, 1, "sealed", 0, None),
        (T, "ribe", 9, 0.75, 1, "sealed", 0, None),
        (T + 60, "berlin", 101, 1.0000001e-3, 3, "sealed", 0, None),
        (T + 120, "berlin", 2**62, 0.5, 1, "sealed", 0, None)]),
    ("p2_key", "timestamp INTEGER NOT NULL, a TEXT NOT NULL, b TEXT NOT NULL", "timestamp, b, a", [(T, "x", "y")]),
    ("p2_same", SITE + TAIL, "timestamp, site", [(T + i, "s", i, 0.1, 1, "end", 0) for i in range(500)]),
    ("p2_ledger", "timestamp INTEGER NOT NULL, read INTEGER", "timestamp", [(T, 2)]),
    rejects(T + 3600, [("a.txt", 20, 1, "too long", None, "z")]),
])
store("c.db", [rejects(T + 7200, [])])
