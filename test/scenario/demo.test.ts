// The whole way once, as a user runs it: the demo's document, its steps in order, every check of every step.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '../../src/platform/run.ts';

type Document = {
  ok: boolean;
  steps: {
    name: string;
    ok: boolean;
    seconds: number;
    proof: { checks?: Record<string, boolean>; error?: string };
  }[];
};

test('the demo proves all seven steps, in order', async () => {
  const ran = await run(join(import.meta.dirname, '../../portcullis'), ['demo', '--json']);
  const document = JSON.parse(ran.stdout) as Document;
  const missed = document.steps.flatMap(({ name, proof }) =>
    proof.error
      ? [`${name}: ${proof.error}`]
      : Object.entries(proof.checks ?? {}).flatMap(([what, holds]) => (holds ? [] : [`${name}: ${what}`])),
  );
  assert.deepEqual(missed, [], ran.stderr);
  assert.deepEqual(
    document.steps.map(({ name, ok }) => [name, ok]),
    ['exposed', 'known', 'block', 'inspect', 'resilience', 'patched', 'record'].map((name) => [name, true]),
  );
  assert.ok(
    document.steps.every(({ seconds, proof }) => seconds > 0 && Object.keys(proof.checks ?? {}).length > 0),
  );
  assert.equal(document.ok, true);
  assert.equal(ran.code, 0);
});
