// What a change of one tag costs the compiler: 100,000 addresses, 1,000 rules. Prints medians; --json for a document.
import { Inventory } from '../src/model/inventory.ts';
import { Policy } from '../src/model/policy.ts';
import { compile } from '../src/policy/compile.ts';

const addresses = 100_000;
const groups = 1_000;
const rounds = 9;

const address = (i: number): string => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
const server = { name: 'cp-1', cluster: 'prod', addresses: ['192.168.0.1'], tags: ['tier=control-plane'] };

/** Every second address, so that none joins another; `tag` is on the fifth group or host. */
function inventory(shape: 'groups' | 'hosts', tag: string): Inventory {
  const per = addresses / groups;
  return Inventory.parse({
    apiVersion: 'portcullis/v1',
    clusters: [{ name: 'prod' }],
    hosts: [
      server,
      ...Array.from({ length: shape === 'hosts' ? addresses : 0 }, (_, i) => ({
        name: `h${i}`,
        addresses: [address(2 * i)],
        tags: [`label=g${i % groups}`, ...(i === 5 ? [tag] : [])],
      })),
    ],
    servers: [{ name: 'prod/cp-1', cluster: 'prod', host: 'cp-1', address: '192.168.0.1' }],
    groups: Array.from({ length: shape === 'groups' ? groups : 0 }, (_, g) => ({
      name: `g${g}`,
      addresses: Array.from({ length: per }, (_, i) => address(2 * (g * per + i))),
      tags: [`label=g${g}`, ...(g === 5 ? [tag] : [])],
    })),
  });
}

const policy = Policy.parse({
  apiVersion: 'portcullis/v1',
  rules: Array.from({ length: 1_000 }, (_, i) => ({
    id: `r${i}`,
    from: i === 5 ? 'label=odd OR label=even' : `label=g${i}`,
    to: 'any',
    action: 'deny',
  })),
});

function milliseconds(one: Inventory): number {
  const begin = performance.now();
  compile({
    inventory: one,
    policy,
    shields: [],
    observed: new Map(),
    stages: [],
    controllers: [{ address: '172.16.0.1', port: 7443 }],
    probers: ['172.16.0.1'],
  });
  return performance.now() - begin;
}

const rows = (['groups', 'hosts'] as const).map((shape) => {
  const first = milliseconds(inventory(shape, 'label=even'));
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const next = inventory(shape, round % 2 === 0 ? 'label=odd' : 'label=even');
    times.push(milliseconds(next));
  }
  times.sort((a, b) => a - b);
  const [median = 0, slowest = 0] = [times[rounds >> 1], times.at(-1)];
  return { shape, addresses, rules: 1_000, fromNothing: first, oneTag: median, slowest };
});

if (process.argv.includes('--json')) console.log(JSON.stringify({ rows }));
else
  for (const { shape, fromNothing, oneTag, slowest } of rows)
    console.log(
      `${addresses} addresses in ${shape}, 1,000 rules: from nothing ${fromNothing.toFixed(0)} ms, one tag changed ${oneTag.toFixed(0)} ms (slowest ${slowest.toFixed(0)} ms)`,
    );
