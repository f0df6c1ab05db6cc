// The whole way once, as a user runs it: the demo's document, its steps in order, every check of every step.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { scratch, start } from '../cli/kit.ts';

const own = scratch('demo');
after(() => own.remove());

type Document = {
  ok: boolean;
  steps: {
    name: string;
    ok: boolean;
    seconds: number;
    proof: { checks?: Record<string, boolean>; error?: string };
  }[];
};

test('the demo proves all seven steps, in order', { timeout: 1_800_000 }, async () => {
  const demo = start(['demo', '--json']);
  // Each of its waits has an end of its own. It says what it was at, and what its services said last, when it is interrupted.
  const late = setTimeout(() => demo.process.kill('SIGINT'), 1_500_000);
  const ran = await demo.ended;
  clearTimeout(late);
  assert.notEqual(ran.stdout, '', ran.stderr);
  const document = JSON.parse(ran.stdout) as Document;
  const missed = document.steps.flatMap(({ name, proof }) =>
    proof.error
      ? [`${name}: ${proof.error}`]
      : Object.entries(proof.checks ?? {}).flatMap(([what, holds]) => (holds ? [] : [`${name}: ${what}`])),
  );
  assert.deepEqual(missed, [], `${missed.join('\n')}\n${ran.stderr}`);
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
