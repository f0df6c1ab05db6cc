// The gate's small pure parts, and giving up root.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { contains, parseCidr } from '../base/cidr.ts';
import { limitTable } from '../model/limits.ts';
import { createParties } from '../policy/parties.ts';
import { callerAddress } from './caller.ts';
import { createCounters, labelled, prometheusText } from './counters.ts';
import { createJsonLog } from './json-log.ts';
import { metricOf, metricTable } from './metric-table.ts';
import { parseUser } from './privileges.ts';

test('the longest prefix names a party, as a search through all of them does', () => {
  const cidr = fc.oneof(
    fc
      .tuple(
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 0, max: 255 }),
        fc.constantFrom(8, 16, 24, 30, 32),
      )
      .map(([a, b, bits]) => mask(`10.${a}.0.${b}`, bits)),
    fc.constantFrom('0.0.0.0/0', '::/0', '2001:db8::/32', '2001:db8::1', 'fd00::/8'),
  );
  const address = fc.oneof(
    fc
      .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 255 }))
      .map(([a, b]) => `10.${a}.0.${b}`),
    fc.constantFrom('2001:db8::1', '2001:db8::2', 'fd00::9', '192.0.2.1', 'fe80::1'),
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(cidr, { maxLength: 12 }),
      fc.array(address, { maxLength: 8 }),
      (cidrs, asked) => {
        const tags = cidrs.map((text) => ({ address: text, name: text, tags: [] }));
        const parties = createParties(tags);
        for (const one of asked) {
          const holding = tags.filter((entry) => contains(parseCidr(entry.address), parseCidr(one)));
          holding.sort((a, b) => parseCidr(b.address).bits - parseCidr(a.address).bits);
          assert.equal(parties(one).name, holding[0]?.name ?? 'unknown');
        }
      },
    ),
    { numRuns: 300 },
  );
});

function mask(address: string, bits: number): string {
  const parts = address.split('.').map(Number);
  const cut = parts.map((part, index) => {
    const keep = Math.min(8, Math.max(0, bits - 8 * index));
    return part & (0xff00 >> keep) & 0xff;
  });
  return parseCidr(`${cut.join('.')}/${bits}`).text;
}

test("a caller's address is canonical", () => {
  assert.equal(callerAddress('::ffff:192.0.2.7'), '192.0.2.7');
  assert.equal(callerAddress('fe80::1%eth0'), 'fe80::1');
  assert.equal(callerAddress(undefined), '0.0.0.0');
});

test('counters are Prometheus text, label values escaped', () => {
  const counters = createCounters();
  counters.add('requests_total', 2);
  counters.add(labelled('findings_total', 'rule', 'a"b\\c\nd'));
  counters.gauge('connections_open', () => 3);
  for (const seconds of [0.005, 0.2, 100]) counters.observe('request_duration_seconds', seconds);
  const text = prometheusText(counters.snapshot());
  const lines = text.split('\n');
  assert.ok(text.endsWith('\n'));
  for (const part of [
    ['# HELP portcullis_gate_connections_open Connections of callers, watches and tunnels included.'],
    ['# TYPE portcullis_gate_connections_open gauge', 'portcullis_gate_connections_open 3'],
    [
      '# TYPE portcullis_gate_findings_total counter',
      'portcullis_gate_findings_total{rule="a\\"b\\\\c\\nd"} 1',
    ],
    ['# TYPE portcullis_gate_requests_total counter', 'portcullis_gate_requests_total 2'],
    [
      '# TYPE portcullis_gate_request_duration_seconds histogram',
      'portcullis_gate_request_duration_seconds_bucket{le="0.005"} 1',
      'portcullis_gate_request_duration_seconds_bucket{le="0.01"} 1',
    ],
    [
      'portcullis_gate_request_duration_seconds_bucket{le="0.1"} 1',
      'portcullis_gate_request_duration_seconds_bucket{le="0.25"} 2',
    ],
    [
      'portcullis_gate_request_duration_seconds_bucket{le="60"} 2',
      'portcullis_gate_request_duration_seconds_bucket{le="+Inf"} 3',
      'portcullis_gate_request_duration_seconds_count 3',
      'portcullis_gate_request_duration_seconds_sum 100.205',
    ],
  ]) {
    const at = lines.indexOf(part[0] ?? '');
    assert.ok(at >= 0, part.join());
    assert.deepEqual(lines.slice(at, at + part.length), part);
  }
});

test('the log is one JSON object a line, limited by the second, and says what it left out', () => {
  let now = 5_000;
  const lines: string[] = [];
  const log = createJsonLog(
    'cp-1',
    (line) => lines.push(line),
    () => now,
    2,
  );
  for (let count = 0; count < 5; count += 1) log('warning', 'refused', { text: 'a\nb' });
  now += 1_000;
  log('info', 'controller-back');
  const read = lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    read.map((line) => [line.event, line.suppressed]),
    [
      ['refused', undefined],
      ['refused', undefined],
      ['controller-back', 3],
    ],
  );
  assert.ok(lines.every((line) => line.indexOf('\n') === line.length - 1));
});

test("metrics are named by Prometheus' conventions, and every limit's counter is one of them", () => {
  for (const [name, { type, help }] of Object.entries(metricTable)) {
    assert.match(name, /^[a-z][a-z0-9_]*$/);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    if (type === 'histogram') assert.match(name, /_(?:seconds|bytes)$/);
    assert.match(help, /\.$/);
  }
  for (const [name, limit] of Object.entries(limitTable)) {
    if ('counted' in limit) assert.equal(metricOf(limit.counted)?.type, 'counter', name);
  }
  assert.equal(metricOf('connections_open_sum'), undefined);
  assert.equal(metricOf('request_duration_seconds_bucket{le="1"}')?.name, 'request_duration_seconds');
});

test('a user is a name of this host or uid:gid, and never root', () => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-user-'));
  const passwd = join(folder, 'passwd');
  writeFileSync(passwd, 'root:x:0:0::/:/bin/sh\ngate:x:991:992::/:/bin/false\nwheel:x:993:0::/:/bin/false\n');
  assert.deepEqual(parseUser('gate', passwd), { uid: 991, gid: 992 });
  assert.deepEqual(parseUser('10:20', passwd), { uid: 10, gid: 20 });
  for (const bad of ['root', 'wheel', '0:0', '5:0', 'nobody-here', '', 'gate:x', '-1:5']) {
    assert.throws(() => parseUser(bad, passwd), { code: 'bad-user' }, bad);
  }
  rmSync(folder, { recursive: true });
});

test('root is given up for good, with its groups', { skip: process.getuid?.() !== 0 && 'needs root' }, () => {
  const module = pathToFileURL(join(import.meta.dirname, 'privileges.ts')).href;
  const script = `
    import { becomeUser } from ${JSON.stringify(module)};
    import { readFileSync } from 'node:fs';
    becomeUser({ uid: 65534, gid: 65534 });
    let shadow = 'refused';
    try { readFileSync('/etc/shadow'); shadow = 'read'; } catch {}
    let again = '';
    try { becomeUser({ uid: 1, gid: 1 }); } catch (error) { again = error.code; }
    console.log(JSON.stringify([process.getuid(), process.getgid(), process.getgroups(), shadow, again]));`;
  const ran = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(ran.stderr, '');
  assert.deepEqual(JSON.parse(ran.stdout), [65534, 65534, [65534], 'refused', 'not-root']);
});
