// Random policies over callers and servers that have every combination of a few tags.
import fc from 'fast-check';
import { Inventory } from '../../model/inventory.ts';
import { Policy } from '../../model/policy.ts';

/** Callers and servers with every combination of a site, labels and nothing. */
const sites = ['a', 'b', undefined];
const labels = [[], ['x'], ['y'], ['x', 'y']];
export const combinations: readonly string[][] = sites.flatMap((site) =>
  labels.map((own) => [...(site ? [`site=${site}`] : []), ...own.map((label) => `label=${label}`)]),
);
export const address = (i: number): string => `192.0.2.${i + 1}`;
export const inventory: Inventory = Inventory.parse({
  apiVersion: 'portcullis/v1',
  clusters: [{ name: 'c' }],
  hosts: combinations.map((_, i) => ({ name: `h${i}`, cluster: 'c', addresses: [`10.0.0.${i + 1}`] })),
  servers: combinations.map((tags, i) => ({
    name: `s${i}`,
    cluster: 'c',
    host: `h${i}`,
    address: `10.0.0.${i + 1}`,
    tags,
  })),
  groups: combinations.map((tags, i) => ({ name: `g${i}`, addresses: [address(i)], tags })),
});

const end = fc.constantFrom('any', 'site=a', 'site=b', 'label=x', 'exists site', 'label=x AND site=b');
const rule = fc.record(
  {
    tier: fc.constantFrom('break-glass', 'security', 'platform', 'default'),
    from: end,
    to: end,
    service: fc.constantFrom('api', 'api', 'kubelet'),
    direction: fc.constantFrom('>', '<', '<>'),
    match: fc.constantFrom(['site'], ['label'], ['site', 'label'], ['zone']),
    action: fc.constantFrom('pass', 'deny', 'drop', 'steer'),
    expires: fc.constantFrom('2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z'),
  },
  { requiredKeys: ['from', 'to', 'action'] },
);
export const policies: fc.Arbitrary<Policy> = fc
  .record({
    flat: fc.boolean(),
    sets: fc.array(
      fc.record(
        { servers: end, lists: fc.array(fc.array(rule, { maxLength: 3 }), { minLength: 1, maxLength: 2 }) },
        { requiredKeys: ['lists'] },
      ),
      { minLength: 1, maxLength: 3 },
    ),
    default: fc.constantFrom('pass', 'deny', 'drop'),
  })
  .map((drawn) => {
    let n = 0;
    const numbered = (rules: readonly object[]) => rules.map((one) => ({ id: `r${n++}`, ...one }));
    const base = { apiVersion: 'portcullis/v1', default: drawn.default };
    if (drawn.flat)
      return Policy.parse({ ...base, rules: numbered(drawn.sets.flatMap(({ lists }) => lists.flat())) });
    return Policy.parse({
      ...base,
      sets: drawn.sets.map(({ servers, lists }, i) => ({
        name: `set-${i}`,
        ...(servers ? { servers } : {}),
        policies: lists.map((rules, j) => ({ name: `policy-${j}`, rules: numbered(rules) })),
      })),
    });
  });
