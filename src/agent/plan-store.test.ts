import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { exampleService, planOf } from '../nft/example-plan.ts';
import { createPlanStore, type StoredPlan } from './plan-store.ts';

const examplePlan = planOf([exampleService]);
const folder = mkdtempSync(join(tmpdir(), 'portcullis-plan-store-'));
const whole = join(folder, 'plan.json');
const changes = join(folder, 'plan.json.changes');
beforeEach(() => {
  rmSync(whole, { force: true });
  rmSync(changes, { force: true });
});
after(() => rmSync(folder, { recursive: true }));

const entry = (n: number, site: string) => ({
  address: `10.${n >> 8}.${n & 255}.1`,
  name: 'a',
  tags: [`site=${site}`],
});
const entries = Array.from({ length: 2_000 }, (_, n) => entry(n, 'a'));
const large = (generation: number, at: number, more: Partial<StoredPlan> = {}): StoredPlan => ({
  plan: { ...examplePlan, generation, addressTags: entries.with(at, entry(at, 'b')) },
  ...more,
});

describe('a large plan', () => {
  test('is written whole once, and then as what changes', () => {
    const store = createPlanStore(folder);
    store.store(large(1, 1));
    const { ino, mode } = statSync(whole);
    assert.equal(mode & 0o777, 0o600);
    store.store(large(2, 2));
    store.store(large(3, 2, { confirmBy: '2024-01-01T00:00:00.000Z' }));
    store.store(large(4, 3, { rejected: 'x' }));
    assert.equal(statSync(whole).ino, ino);
    assert.ok(statSync(changes).size < 2_000);
    assert.equal(statSync(changes).mode & 0o777, 0o600);
    assert.deepEqual(createPlanStore(folder).read(), large(4, 3, { rejected: 'x' }));
  });

  test('is written whole again by an agent that began anew, and after two hundred changes', () => {
    const store = createPlanStore(folder);
    for (let n = 1; n <= 201; n += 1) store.store(large(n, n));
    const { ino } = statSync(whole);
    store.store(large(202, 0));
    assert.notEqual(statSync(whole).ino, ino);
    assert.ok(!existsSync(changes));
    createPlanStore(folder).store(large(203, 0));
    assert.ok(!existsSync(changes));
    assert.deepEqual(createPlanStore(folder).read(), large(203, 0));
  });

  test('outlives a host that went down while a change was written', () => {
    const store = createPlanStore(folder);
    store.store(large(1, 1));
    store.store(large(2, 2));
    appendFileSync(changes, '{"members":{"pl');
    assert.deepEqual(createPlanStore(folder).read(), large(2, 2));
  });

  test('is not mixed with the changes of another', () => {
    const store = createPlanStore(folder);
    store.store(large(1, 1));
    store.store(large(2, 2));
    const left = readFileSync(changes);
    createPlanStore(folder).store(large(1, 1));
    writeFileSync(changes, left);
    assert.deepEqual(createPlanStore(folder).read(), large(1, 1));
  });

  test('with damaged changes is refused', () => {
    const store = createPlanStore(folder);
    store.store(large(1, 1));
    store.store(large(2, 2));
    const text = readFileSync(changes, 'utf8');
    for (const damaged of [
      text.replace('{', ''),
      text.replace('"keep":', '"keep":9999'),
      text.replace('site=b', '!'),
    ]) {
      writeFileSync(changes, damaged);
      assert.throws(() => createPlanStore(folder).read(), { code: 'bad-plan' });
    }
  });

  test('comes back as it was stored last, whatever came before', () => {
    const step = fc.record({ at: fc.nat(1_999), anew: fc.nat(5), bare: fc.nat(8) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 10 }), (steps) => {
        rmSync(whole, { force: true });
        let store = createPlanStore(folder);
        let last: StoredPlan = {};
        for (const [n, { at, anew, bare }] of steps.entries()) {
          if (anew === 0) store = createPlanStore(folder);
          last = bare === 0 ? { rejected: 'x' } : large(n + 1, at);
          store.store(last);
          assert.deepEqual(createPlanStore(folder).read(), last);
        }
      }),
      { numRuns: 15 },
    );
  });
});

test('a small plan is written whole each time; what is no plan is refused', () => {
  const store = createPlanStore(folder);
  assert.equal(store.read(), undefined);
  store.store({ plan: examplePlan });
  store.store({ plan: { ...examplePlan, generation: 9 } });
  assert.ok(!existsSync(changes));
  assert.equal(createPlanStore(folder).read()?.plan?.generation, 9);
  for (const text of ['', 'null', '7', '{"plan":{}}', '{"plan"']) {
    writeFileSync(whole, text);
    assert.throws(() => createPlanStore(folder).read(), { code: 'bad-plan' });
  }
});
