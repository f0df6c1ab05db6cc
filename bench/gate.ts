// The gate beside HAProxy and nginx, in one run on one machine: the same TLS to TLS with the caller's certificate turned
// into identity fields, the same load, the same servers behind. Whole-process CPU (of all a proxy's processes) per unit of
// work, memory of idle watches, and what each adds to latency. Loopback only.
//
//   apt-get install haproxy nginx-light      (once; not done here)
//   npm run bench:gate -- [--json] [--quick] [--rounds 3] [--seconds 4] [--only CASE,CASE] [--watches 10000]
//                         [--no-bun]           leave out the gate on Bun
//                         [--gate-args='ARGS'] arguments of the gate's Node: --cpu-prof --cpu-prof-dir=DIR
//
// A case's proxies take turns within a round; medians of the rounds are shown. The ratio is Portcullis to HAProxy: below
// 1 the gate is the cheaper one.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchCases } from './lib/cases.ts';
import { writeKeys } from './lib/keys.ts';
import { fetchBun, missingPackages, versions } from './lib/programs.ts';
import { type Ground, startGround } from './lib/proxies.ts';
import { printTable, type Row } from './lib/report.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    only: { type: 'string' },
    watches: { type: 'string' },
    'no-bun': { type: 'boolean', default: false },
    'gate-args': { type: 'string', default: '' },
  },
});
const rounds = number('rounds', options.quick ? 1 : 3, 1, 50);
const seconds = number('seconds', options.quick ? 0.6 : 4, 0.1, 60);
const watches = number('watches', options.quick ? 1000 : 10_000, 10, 100_000);

const missing = missingPackages();
if (missing.length > 0) {
  process.stderr.write(`bench:gate: not installed; run: apt-get install ${missing.join(' ')}\n`);
  process.exit(2);
}
const note = (line: string) => {
  if (notes.includes(line)) return;
  notes.push(line);
  process.stderr.write(`bench:gate: ${line}\n`);
};
const notes: string[] = [];
const bun = options['no-bun'] ? { why: 'left out (--no-bun)' } : await fetchBun();
if ('why' in bun) note(`no Bun: ${bun.why}`);

const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-'));
try {
  await writeKeys(folder);
  await using ground = await startGround(folder, {
    bun: 'program' in bun ? bun.program : '',
    gateArgs: options['gate-args'].split(' ').filter(Boolean),
  });
  const rows: Row[] = [];
  const only = options.only?.split(',');
  const onBun = 'program' in bun && (await startsOnBun(ground));
  const names = ['portcullis', 'haproxy', 'nginx', ...(onBun ? ['bun' as const] : [])] as const;
  await benchCases({ ground, names, rounds, seconds, watches, only, note, row: (row) => rows.push(row) });
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    ...(await versions()),
    ...(onBun && 'program' in bun ? { bun: bun.version } : {}),
    rounds,
    seconds,
  };
  if (options.json) process.stdout.write(`${JSON.stringify({ machine, rows, notes })}\n`);
  else printTable(machine, rows, notes);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function startsOnBun(ground: Ground): Promise<boolean> {
  try {
    await ground.stop(await ground.start('bun', 'none', 1));
    return true;
  } catch {
    note('no Bun: the gate does not start on it');
    return false;
  }
}

function number(
  name: 'rounds' | 'seconds' | 'watches',
  otherwise: number,
  least: number,
  most: number,
): number {
  const value = Number(options[name] ?? otherwise);
  if (value >= least && value <= most && (name === 'seconds' || Number.isInteger(value))) return value;
  process.stderr.write(`bench:gate: --${name} must be a number from ${least} to ${most}\n`);
  process.exit(2);
}
