import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Incident } from '../model/record.ts';
import { createNoted } from './noted.ts';

const incident = (user: string, more: Partial<Incident> = {}): Incident =>
  ({
    id: 'x',
    server: 'api-1',
    shield: 'CVE-2099-0001',
    rule: 'no-exec',
    action: 'log',
    shadow: true,
    who: {
      method: 'certificate',
      user,
      groups: [],
      from: { address: '10.0.0.1', name: 'x', tags: [] },
      port: 1,
    },
    ...more,
  }) as unknown as Incident;

function noted() {
  const told: Incident[] = [];
  return { told, noted: createNoted((one) => void told.push(one), 0) };
}
const sum = (told: readonly Incident[]) => told.reduce((all, { count = 1 }) => all + count, 0);

test('the first five of a caller and rule are told whole, the others once a minute with their number', () => {
  const { told, noted: it } = noted();
  for (let i = 0; i < 100; i++) it.take(incident('ada'));
  it.take(incident('bob'));
  assert.deepEqual([told.length, sum(told)], [6, 6]);
  it.flush(59_999);
  assert.equal(told.length, 6);
  it.flush(60_000);
  assert.deepEqual([told.length, sum(told), told.at(-1)?.count], [7, 101, 95]);
  it.flush(120_000);
  assert.equal(told.length, 7);
});

test('an end tells what was counted', () => {
  const { told, noted: it } = noted();
  for (let i = 0; i < 7; i++) it.take(incident('ada'));
  it.flush(1, true);
  assert.equal(sum(told), 7);
});

test('a shadow and an exemption are counted apart', () => {
  const { told, noted: it } = noted();
  for (let i = 0; i < 5; i++) it.take(incident('ada'));
  it.take(incident('ada', { exemption: 'e1' }));
  assert.equal(told.at(-1)?.exemption, 'e1');
});

test('however many callers come, the log gets few records and every one is counted', () => {
  const { told, noted: it } = noted();
  for (let i = 0; i < 10_000; i++) it.take(incident(`user-${i}`));
  assert.equal(told.length, 200);
  it.flush(60_000);
  assert.ok(told.length <= 200 + 251, `${told.length} records`);
  assert.equal(sum(told), 10_000);
});

test('after an hour without any, a caller is told of whole again', () => {
  const { told, noted: it } = noted();
  for (let i = 0; i < 6; i++) it.take(incident('ada'));
  it.flush(60_000);
  it.flush(3_600_001);
  it.take(incident('ada'));
  assert.deepEqual([told.length, told.at(-1)?.count], [7, undefined]);
});
