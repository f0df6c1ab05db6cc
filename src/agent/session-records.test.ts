import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentPlan, PlanRule } from '../model/plan.ts';
import { SessionRecord } from '../model/record.ts';
import { exampleService, planOf } from '../nft/example-plan.ts';
import { parseEvent, parseFlow } from './conntrack-events.ts';
import { resolvePlan } from './protected.ts';
import { createSessionRecorder } from './session-records.ts';

const local = ['10.0.0.1', '127.0.0.1'];
const tuple = (from: string, sport: number, to: string, port: number, counts = '') =>
  `src=${from} dst=${to} sport=${sport} dport=${port}${counts}`;
/** A direct connection of the caller that passes, as conntrack 1.4.7 prints it. */
const direct = {
  begin: `[1700000000.250000]\t    [NEW] tcp      6 120 SYN_SENT ${tuple('10.9.0.7', 40000, '10.0.0.1', 6443)} [UNREPLIED] ${tuple('10.0.0.1', 6443, '10.9.0.7', 40000)} id=11`,
  over: `[1700000004.000000]\t [UPDATE] tcp      6 120 TIME_WAIT ${tuple('10.9.0.7', 40000, '10.0.0.1', 6443)} ${tuple('10.0.0.1', 6443, '10.9.0.7', 40000)} [ASSURED] id=11`,
  listed: `tcp      6 119 TIME_WAIT ${tuple('10.9.0.7', 40000, '10.0.0.1', 6443, ' packets=5 bytes=273')} ${tuple('10.0.0.1', 6443, '10.9.0.7', 40000, ' packets=3 bytes=164')} [ASSURED] mark=0 delta-time=4 use=1 id=11`,
  destroy: `[1700000124.000000]\t[DESTROY] tcp      6 ${tuple('10.9.0.7', 40000, '10.0.0.1', 6443, ' packets=5 bytes=273')} ${tuple('10.0.0.1', 6443, '10.9.0.7', 40000, ' packets=3 bytes=164')} [ASSURED] delta-time=124 [start=Tue Nov 14 22:13:20 2023] [stop=Tue Nov 14 22:15:24 2023] id=11`,
};

function recorder(change: Partial<AgentPlan> = {}) {
  const records: SessionRecord[] = [];
  const made = createSessionRecorder('cp-1', (record) => records.push(SessionRecord.parse(record)));
  made.use(resolvePlan({ ...planOf([exampleService], 4), ...change }, local));
  const event = (line: string) => {
    const parsed = parseEvent(line);
    assert.ok(parsed, line);
    made.event(parsed);
  };
  return { ...made, event, records };
}

test('events are read; other lines are not', () => {
  const event = parseEvent(direct.destroy);
  assert.deepEqual(
    [event?.kind, event?.at, event?.id, event?.seconds, event?.bytesOut, event?.bytesIn],
    ['destroy', 1700000124000, '11', 124, 273, 164],
  );
  assert.equal(parseEvent(direct.over)?.state, 'TIME_WAIT');
  assert.equal(parseFlow(direct.listed)?.packetsIn, 3);
  for (const line of [
    '',
    'conntrack v1.4.7 (conntrack-tools): 4 flow events have been shown.',
    direct.listed,
  ]) {
    assert.equal(parseEvent(line), undefined);
  }
  assert.equal(parseFlow(direct.listed.replace(' id=11', '')), undefined);
});

test('one record for a connection, with its end and not that of its entry', () => {
  const { event, records, listed, endedPorts } = recorder();
  event(direct.begin);
  assert.deepEqual(endedPorts(), []);
  event(direct.over);
  assert.deepEqual(endedPorts(), [6443]);
  const flow = parseFlow(direct.listed);
  assert.ok(flow);
  listed([flow, { ...flow, id: '99' }], 1700000005000);
  event(direct.destroy);
  assert.equal(records.length, 1);
  const { id, ...first } = records[0] ?? assert.fail('no record');
  assert.match(id ?? '', /^[0-9a-z]{9}-[0-9a-f]{16}$/);
  assert.deepEqual(first, {
    agent: 'cp-1',
    server: 'prod/api',
    generation: 4,
    verdict: 'accepted',
    rule: 'policy/break-glass',
    action: 'pass',
    reason: 'test',
    from: { address: '10.9.0.7', name: 'unknown', tags: [], port: 40000 },
    to: { address: '10.0.0.1', port: 6443 },
    startedAt: '2023-11-14T22:13:20.250Z',
    endedAt: '2023-11-14T22:13:24.000Z',
    end: 'closed',
    attempts: 1,
    bytesOut: 273,
    bytesIn: 164,
    packetsOut: 5,
    packetsIn: 3,
  });
  assert.deepEqual(endedPorts(), []);
});

test('says how it ended, by which prefix the caller is known, and why where no rule is about it', () => {
  const ends = (state: string | undefined) => {
    const { event, records } = recorder({
      addressTags: [{ address: '10.9.0.0/16', name: 'dev', tags: ['site=a'] }],
    });
    event(direct.begin);
    if (state !== undefined) event(direct.over.replace('TIME_WAIT', state));
    event(direct.destroy);
    assert.deepEqual(records[0]?.from, {
      address: '10.9.0.7',
      name: 'dev',
      tags: ['site=a'],
      prefix: '10.9.0.0/16',
      port: 40000,
    });
    return records[0]?.end;
  };
  assert.equal(ends('CLOSE'), 'reset');
  assert.equal(ends('LAST_ACK'), 'closed');
  assert.equal(ends('ESTABLISHED'), 'gone');
  assert.equal(ends(undefined), 'gone');
  const { denied, records, use } = recorder();
  const element = (caller: string, port = 6443) => ({
    caller,
    address: '10.0.0.1',
    port,
    packets: 1,
    bytes: 60,
  });
  use(resolvePlan(planOf([{ ...exampleService, rules: [], default: 'drop' }], 5), local));
  denied([element('198.51.100.1'), element('198.51.100.2', exampleService.gatePort)], 1700000000000);
  use(resolvePlan(planOf([{ ...exampleService, rules: [], default: 'pass' }], 6), local));
  denied([element('198.51.100.3')], 1700000000000);
  assert.deepEqual(
    records.map(({ rule, action, reason }) => [rule, action, reason]),
    [
      ['default', 'drop', 'no rule is about it, and the default is drop'],
      [
        'portcullis/gate-port',
        'deny',
        'it went straight to the port of the gate, which takes steered callers only',
      ],
      ['portcullis/earlier-plan', undefined, 'a plan before this one refused it'],
    ],
  );
});

test('a connection whose beginning was not seen is recorded at its end', () => {
  const { event, records } = recorder();
  event(direct.destroy);
  assert.deepEqual(
    [records[0]?.startedAt, records[0]?.endedAt, records[0]?.rule],
    ['2023-11-14T22:13:20.000Z', '2023-11-14T22:15:24.000Z', 'policy/break-glass'],
  );
});

test('through the gate is steered; refused by a later plan keeps the rule it came in by', () => {
  const { event, records, use } = recorder();
  const steered = (line: string) =>
    line
      .replaceAll('10.9.0.7', '192.0.2.1')
      .replaceAll('src=10.0.0.1 dst=192.0.2.1 sport=6443', 'src=10.0.0.1 dst=192.0.2.1 sport=16443');
  event(steered(direct.begin));
  const { gatePort: _, ...blocked } = exampleService;
  use(resolvePlan(planOf([{ ...exampleService, rules: [], default: 'deny' }], 5), local));
  event(steered(direct.destroy));
  assert.deepEqual(
    [records[0]?.verdict, records[0]?.rule, records[0]?.generation],
    ['steered', 'default', 4],
  );
  use(resolvePlan(planOf([{ ...blocked, rules: [], default: 'deny' }], 6), local));
  event(direct.destroy);
  assert.deepEqual([records[1]?.verdict, records[1]?.rule], ['accepted', 'portcullis/earlier-plan']);
});

test('the host itself and what no plan protects leave no record', () => {
  const { event, records } = recorder();
  event(direct.destroy.replaceAll('10.9.0.7', '10.0.0.1'));
  event(direct.destroy.replaceAll('6443', '22'));
  assert.equal(records.length, 0);
});

test('refused callers: what was added since the last look, once', () => {
  const { denied, records, use } = recorder({
    addressTags: [
      { address: '10.9.0.0/16', name: 'lab', tags: ['site=lab'] },
      { address: '10.9.0.8', name: 'bench', tags: ['site=lab', 'tier=test'] },
    ],
  });
  const element = { caller: '10.9.0.8', address: '10.0.0.1', port: 6443, packets: 3, bytes: 180 };
  denied([element], 1_000);
  denied([element], 2_000);
  denied([{ ...element, packets: 5, bytes: 300 }], 3_000);
  // It timed out in the table and came again.
  denied([{ ...element, packets: 1, bytes: 60 }], 4_000);
  denied(
    [
      { ...element, port: 16443, caller: '10.9.0.9' },
      { ...element, address: '10.9.9.9' },
    ],
    5_000,
  );
  assert.deepEqual(
    records.map((each) => [
      each.attempts,
      each.bytesOut,
      each.rule,
      each.from.name,
      each.startedAt.slice(17, 19),
    ]),
    [
      [3, 180, 'policy/lab', 'bench', '01'],
      [2, 120, 'policy/lab', 'bench', '02'],
      [1, 60, 'policy/lab', 'bench', '03'],
      [3, 180, 'portcullis/gate-port', 'lab', '04'],
    ],
  );
  use(resolvePlan(planOf([exampleService], 5), local));
  denied([element], 6_000);
  assert.equal(records.at(-1)?.attempts, 3);
});

test('a rule may ask for a sample, or for no records at all', () => {
  const sessions = (change: Partial<PlanRule>): SessionRecord[] => {
    const rules = exampleService.rules.map((rule) => ({ ...rule, ...change }));
    const { event, records } = recorder({ services: [{ ...exampleService, rules }] });
    for (let i = 0; i < 7; i++)
      event(direct.destroy.replace('id=11', `id=${i}`).replaceAll('40000', `4000${i}`));
    return records;
  };
  assert.equal(sessions({}).length, 7);
  assert.equal(new Set(sessions({}).map(({ id }) => id)).size, 7);
  assert.deepEqual(
    sessions({ sample: 3 }).map(({ sample }) => sample),
    [3, 3, 3],
  );
  assert.deepEqual(sessions({ log: false }), []);
});
