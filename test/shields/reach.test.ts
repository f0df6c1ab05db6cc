// Rules over pods name the resources whose bodies describe pods: they must name every one, in every group.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { protobufFields, protobufKinds } from '../../src/inspect/body/protobuf-fields.ts';
import { parseShield } from '../../src/shields/load.ts';

const shields = join(import.meta.dirname, '../../shields');

/** The messages that each message holds. */
const held = new Map<string, readonly string[]>();
for (const line of protobufFields.trim().split('\n')) {
  const colon = line.indexOf(':');
  const names = line.slice(colon).matchAll(/[a-z0-9./]+\/v\w+\.[A-Za-z]+/g);
  held.set(
    line.slice(0, colon),
    [...names].map(([name]) => name),
  );
}

function holdsPods(name: string, seen = new Set<string>()): boolean {
  if (name === 'core/v1.PodSpec') return true;
  if (seen.has(name)) return false;
  seen.add(name);
  return (held.get(name) ?? []).some((inner) => holdsPods(inner, seen));
}

/** Kinds that are no resource of their own: lists, and what stood in one alpha version as a name for a template. */
const describing = protobufKinds
  .trim()
  .split('\n')
  .filter((kind) => !/(List|\.JobTemplate)$/.test(kind) && holdsPods(kind));

test('the kinds that describe pods are found', () => {
  for (const kind of [
    'core/v1.Pod',
    'core/v1.PodTemplate',
    'batch/v1.CronJob',
    'extensions/v1beta1.DaemonSet',
  ])
    assert.ok(describing.includes(kind), kind);
});

for (const file of readdirSync(shields).filter((name) => name.endsWith('.yaml'))) {
  const { rules } = parseShield(readFileSync(join(shields, file), 'utf8'), file).deeperDefense;
  for (const { id, when } of rules) {
    // Rules over what one kind alone may do name that one.
    if (!when.includes('"deployments"')) continue;
    test(`${file}: ${id} names every kind that describes pods`, () => {
      for (const kind of describing) {
        const [group = '', name = ''] = kind.split(/\/v\w+\./);
        assert.ok(when.includes(`"${name.toLowerCase()}s"`), kind);
        assert.ok(when.includes(`"${group === 'core' ? '' : group}"`), kind);
      }
    });
  }
}
