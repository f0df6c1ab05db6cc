import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readGate } from './feature-gates.ts';
import { type Ground, ground, type Started } from './testing/ground.ts';

const advisory = 'CVE-2025-4563';
const metrics = (...gates: readonly string[]) =>
  [
    '# HELP apiserver_request_total x',
    'apiserver_request_total{code="200"} 5',
    '# HELP kubernetes_feature_enabled [BETA] This metric records the data about the stage and enablement of a k8s feature.',
    '# TYPE kubernetes_feature_enabled gauge',
    ...gates,
    '# HELP process_cpu_seconds_total x',
    `${'x'.repeat(10_000)} 1`,
    '',
  ].join('\n');
const dra = (value: number) =>
  `kubernetes_feature_enabled{name="DynamicResourceAllocation",stage="BETA"} ${value}`;

test('a line of a gate, and nothing else', () => {
  const rows: readonly [string, ReturnType<typeof readGate>][] = [
    [dra(0), ['DynamicResourceAllocation', false]],
    [dra(1), ['DynamicResourceAllocation', true]],
    ['kubernetes_feature_enabled{stage="",name="A"} 1', ['A', true]],
    ['kubernetes_feature_enabled{stage="GA",nick_name="A"} 1', undefined],
    ['kubernetes_feature_enabled{name="A",stage=""} 2', undefined],
    ['kubernetes_feature_enabled{name="A-B",stage=""} 1', undefined],
    ['other{name="A",stage=""} 1', undefined],
    ['# HELP kubernetes_feature_enabled x', undefined],
  ];
  for (const [text, gate] of rows) assert.deepEqual(readGate(text), gate, text);
});

describe('a server whose flaw hangs on a gate', () => {
  let place: Ground;
  let controller: Started;
  before(async () => {
    place = await ground();
    cpSync(
      join(import.meta.dirname, `../../shields/advisories/${advisory}.json`),
      join(place.folder, `advisories/${advisory}.json`),
    );
    place.fake.gitVersion = 'v1.33.1';
    controller = await place.start();
  });
  after(() => place[Symbol.asyncDispose]());
  const exposure = async () => {
    const { servers } = await controller.admin.probe();
    return servers[0]?.exposures.find(({ advisory: id }) => id === advisory);
  };
  /** Gates are asked for once an hour and version: each look is at another build. */
  let build = 0;
  const look = (text: string | undefined) => {
    if (text === undefined) delete place.fake.metrics;
    else place.fake.metrics = text;
    place.fake.gitVersion = `v1.33.1-test.${++build}`;
    return exposure();
  };

  test('off: it does not apply; on: it does; not readable, or not there: nobody knows', async () => {
    assert.equal(await look(metrics('kubernetes_feature_enabled{name="A",stage=""} 1', dra(0))), undefined);
    assert.match(
      (await look(metrics(dra(1))))?.reason ?? '',
      /the feature gate DynamicResourceAllocation is on/,
    );
    for (const unreadable of [undefined, metrics(), '', 'x'.repeat(100_000)]) {
      const found = await look(unreadable);
      assert.equal(found?.status, 'vendor-unknown');
      assert.match(found.reason, /off unless somebody set it/);
    }
  });

  test('asked for once, and not for a version without such a flaw', async () => {
    const asked = () => place.fake.seen.filter((line) => line.startsWith('GET /metrics ')).length;
    await look(metrics(dra(0)));
    const once = asked();
    assert.equal(await exposure(), undefined);
    assert.equal(asked(), once);
    place.fake.gitVersion = 'v1.12.2';
    await exposure();
    assert.equal(asked(), once);
  });
});
