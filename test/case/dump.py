#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dump.py: rows of a store as text that a reader can compare, or a wait until they are there.

    dump.py STORE TABLE [COLUMNS [ORDER]]      COLUMNS: "a, b" (default: all); ORDER: default: all columns
    dump.py --until N STORE TABLE [WHERE]      exit 1 if there are not N rows after 20 s"""
import os
import sqlite3
import sys
import time


def cell(v):
    if v is None:
        return "-"
    if isinstance(v, float):
        return repr(v)
    return str(v)


def connect(store):
    return sqlite3.connect("file:%s?mode=ro" % store, uri=True, timeout=10)


def until(count, store, table, where="1"):
    for _ in range(400):
        if os.path.exists(store):
            try:
                db = connect(store)
                (n,) = db.execute('SELECT count(*) FROM "%s" WHERE %s' % (table, where)).fetchone()
                db.close()
                if n >= int(count):
                    return 0
            except sqlite3.OperationalError:
                pass  # not made yet, or busy
        time.sleep(0.05)
    print("%s: fewer than %s rows where %s" % (table, count, where), file=sys.stderr)
    return 1


def dump(store, table, columns="*", order=None):
    if not os.path.exists(store):
        print("no %s" % store)
        return 1
    db = connect(store)
    try:
        cursor = db.execute('SELECT %s FROM "%s"%s' % (columns, table, " ORDER BY " + order if order else ""))
    except sqlite3.Error as e:
        print(e)
        return 1
    names = [d[0] for d in cursor.description]
    rows = ["|".join(cell(v) for v in row) for row in cursor]
    print("|".join(names))
    for row in rows if order else sorted(rows):
        print(row)
    return 0


if __name__ == "__main__":
    sys.exit(until(*sys.argv[2:]) if sys.argv[1] == "--until" else dump(*sys.argv[1:]))
