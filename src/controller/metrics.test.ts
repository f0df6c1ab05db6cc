import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { controllerMetricPrefix, controllerMetricTable } from './metric-table.ts';
import { controllerMetrics } from './metrics.ts';
import { type Ground, ground, type Started } from './testing/ground.ts';

let place: Ground;
let controller: Started;
before(async () => {
  place = await ground();
  controller = await place.start();
});
after(() => place[Symbol.asyncDispose]());

test('every metric of the table, in the text format, with the numbers of status and exposure', async () => {
  const status = await controller.admin.probe();
  const exposure = await controller.admin.exposure();
  const told = {
    ...status,
    workers: [
      {
        ...{ kind: 'agent' as const, name: 'a', ok: false, detail: '', wanted: 2, applied: 1 },
        counters: { gate_bypasses: 3, drifts: 1, identity_renewals: 2 },
        identityEnds: '2026-11-27T00:00:00.000Z',
      },
      {
        kind: 'gate' as const,
        name: 'g',
        ok: true,
        detail: '',
        wanted: 2,
        applied: 2,
        counters: { drifts: 9, identity_renewals_failed: 5 },
      },
    ],
    authorityEnds: '2036-11-27T00:00:00.000Z',
    verifications: [{ cluster: 'lab', id: 'x', at: '2026-11-27T00:00:00.000Z', failed: 2 }],
  };
  const text = controllerMetrics(told, exposure, 4, new Map([['viewer', 5]]));
  for (const name of Object.keys(controllerMetricTable))
    assert.ok(text.includes(`# TYPE ${controllerMetricPrefix}${name} `), name);
  for (const line of text.trimEnd().split('\n'))
    assert.match(
      line,
      /^(# (HELP|TYPE) \S+ .+|portcullis_controller_[a-z_]+(\{[a-z]+="[^"]+"(,[a-z]+="[^"]+")*\})? \d+(\.\d+)?)$/,
    );
  const has = (sample: string) => assert.ok(text.includes(`\n${controllerMetricPrefix}${sample}\n`), sample);
  has('exposures{cover="acts",severity="critical"} 1');
  has('exposures_open{severity="critical"} 0');
  has('workers_not_ok{kind="agent"} 1');
  has('workers_not_ok{kind="gate"} 0');
  has('workers_behind 1');
  has('identity_expiry_timestamp_seconds{kind="agent",name="a"} 1795737600');
  has('authority_expiry_timestamp_seconds 2111356800');
  has('identity_renewals_total{kind="agent"} 2');
  has('identity_renewals_failed_total{kind="agent"} 0');
  has('identity_renewals_failed_total{kind="gate"} 5');
  has('gate_bypasses_total 3');
  has('plans_repaired_total 1');
  has('verification_checks_failed{cluster="lab"} 2');
  has('verification_timestamp_seconds{cluster="lab"} 1795737600');
  has('exemptions 4');
  has('calls_denied_total{role="viewer"} 5');
  has('policy_on_trial 0');
  has('probes_failing 0');
  has(`log_entries_total ${status.log.entries}`);
});

test('a counter’s name ends in _total, a time in _seconds, and no name but theirs', () => {
  for (const [name, { type }] of Object.entries(controllerMetricTable)) {
    assert.match(name, /^[a-z_]+$/);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
  }
});
