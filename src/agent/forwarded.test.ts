import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleService, planOf, ruleOf } from '../nft/example-plan.ts';
import { forwardedToCut } from './forwarded.ts';
import type { Runner } from './host.ts';
import { resolvePlan } from './protected.ts';

const service = {
  ...exampleService,
  endpoints: [{ address: '10.2.0.1', port: 6443 }],
  rules: [
    ruleOf('in', ['10.9.0.7'], 'pass'),
    ruleOf('void', ['10.7.0.0/16'], 'drop'),
    ruleOf('out', ['10.9.0.0/16'], 'deny'),
  ],
};

/** Conntrack with a connection from each of them, in this state. */
function conntrackOf(...flows: (readonly [source: string, state: string])[]): Runner {
  const lines = flows.map(
    ([source, state], id) =>
      `tcp 6 60 ${state} src=${source} dst=10.2.0.1 sport=${40_000 + id} dport=6443 src=10.2.0.1 dst=${source} sport=6443 dport=${40_000 + id} use=1 id=${id}`,
  );
  return async () => ({ code: 0, stdout: `${lines.join('\n')}\n`, stderr: '' });
}

test('what the plan refuses is cut and its ends told, but of silent rules; what is over is forgotten, not cut', async () => {
  const resolved = resolvePlan(planOf([service]), ['10.0.0.1']);
  const rows = [
    ['10.9.0.7', 'ESTABLISHED', 'stays'],
    ['10.9.0.8', 'ESTABLISHED', 'told'],
    ['10.9.0.9', 'SYN_RECV', 'told'],
    ['192.0.2.1', 'CLOSE_WAIT', 'told'],
    ['10.7.0.1', 'ESTABLISHED', 'cut'],
    ['10.9.0.10', 'TIME_WAIT', 'forgotten'],
    ['10.9.0.11', 'CLOSE', 'forgotten'],
    // The host's own.
    ['10.0.0.1', 'ESTABLISHED', 'stays'],
  ] as const;
  const conntrack = conntrackOf(...rows.map(([source, state]) => [source, state] as const));
  const { flows, told, filters } = await forwardedToCut(conntrack, resolved);
  for (const [from, state, want] of rows) {
    const is = {
      told: told.some(({ source }) => source === from),
      cut: flows.some(({ source }) => source === from),
      forgotten: filters.includes(`-f ipv4 -p tcp -d 10.2.0.1 --dport 6443 -s ${from}`),
    };
    const order = ['stays', 'forgotten', 'cut', 'told'];
    const rank = order.indexOf(want);
    assert.deepEqual(is, { forgotten: rank >= 1, cut: rank >= 2, told: rank >= 3 }, `${from} ${state}`);
  }
});
