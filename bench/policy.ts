// Policy at scale: compiled, in the kernel, changed by one tag; what the table costs packets, beside no table and beside the
// same policy as a linear iptables chain; cutting connections; agents that follow one controller.
//
//   npm run bench:policy -- [--json] [--quick]
//
// Needs root (network namespaces of its own), and for the peers: apt-get install iptables iperf3. What is not installed is
// left out. `--quick` takes under two minutes: smaller sizes, fewer rounds. `portcullis` and `peer` are in the row's unit.
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { agents } from './lib/policy-agents.ts';
import { change } from './lib/policy-change.ts';
import { scale } from './lib/policy-scale.ts';
import { traffic } from './lib/policy-traffic.ts';
import type { Row } from './lib/rows.ts';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
});

const parts: readonly [string, (quick: boolean) => Promise<Row[]>][] = [
  ['scale', scale],
  ['change', change],
  ['traffic', traffic],
  ['agents', agents],
];
if (process.getuid?.() !== 0) {
  process.stderr.write('bench:policy makes network namespaces: run it as root\n');
  process.exit(2);
}
for (const [file, name] of [
  ['/usr/sbin/iptables-nft', 'iptables'],
  ['/usr/bin/iperf3', 'iperf3'],
]) {
  if (!existsSync(file ?? ''))
    process.stderr.write(`bench:policy: ${name} is not installed: its rows are left out\n`);
}
const rows: Row[] = [];
for (const [name, run] of parts) {
  process.stderr.write(`bench:policy: ${name}\n`);
  rows.push(...(await run(options.quick)));
}
if (options.json) {
  const what = { what: 'policy', runtime: process.version, quick: options.quick, rows };
  process.stdout.write(`${JSON.stringify(what)}\n`);
} else {
  const cells = rows.map((row) => [
    row.case,
    row.size,
    row.unit,
    String(row.portcullis),
    row.peer === null ? '' : String(row.peer),
    row.ratio === null ? '' : String(row.ratio),
  ]);
  const all = [['case', 'size', 'unit', 'portcullis', 'peer', 'ratio'], ...cells];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of all) {
    process.stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
}
