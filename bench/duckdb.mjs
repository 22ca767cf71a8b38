// SPDX-License-Identifier: Apache-2.0
// duckdb.mjs: runs one SQL statement in DuckDB and prints its first row as JSON: the peer of bench/run.py.
//
//   DUCKDB_HOME=folder with node_modules  node duckdb.mjs THREADS SQLFILE
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const require = createRequire(path.join(path.resolve(process.env.DUCKDB_HOME), 'index.js'));
const { DuckDBInstance } = require('@duckdb/node-api');

const [threads, file] = process.argv.slice(2);
const instance = await DuckDBInstance.create(':memory:', { threads });
const connection = await instance.connect();
const reader = await connection.runAndReadAll(readFileSync(file, 'utf8'));
const rows = reader.getRowObjects();
console.log(JSON.stringify(rows[0], (_, v) => (typeof v === 'bigint' ? v.toString() : v)));
connection.closeSync();
