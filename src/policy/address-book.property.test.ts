// The address book against a dumb twin that asks one address at a time, and a book that took over from the one before
// against one made from nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Cidr, contains, parseCidr } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import { Inventory } from '../model/inventory.ts';
import { tagType } from '../model/tag.ts';
import { addressBook } from './address-book.ts';
import type { AddressSet } from './address-set.ts';
import { type Expression, matches, parseCallers, parseExpression } from './expression.ts';
import { effectiveTags } from './tags.ts';

const tags = fc
  .tuple(
    fc.constantFrom('tier=node', 'tier=bastion', undefined),
    fc.constantFrom('zone=a', 'zone=b', undefined),
    fc.constantFrom('cpus=4', 'cpus=16', 'cpus=many', undefined),
    fc.constantFrom('kubelet-version=v1.10.3-gke.1', 'kubelet-version=1.12.2', undefined),
    fc.subarray(['label=x', 'label=y']),
  )
  .map(([a, b, c, d, labels]) => [a, b, c, d, ...labels].filter((tag) => tag !== undefined));

const atom = fc.constantFrom(
  'tier=node',
  'zone in (a, b)',
  'zone!=a',
  'exists cpus',
  'cpus > 4',
  'kubelet-version < 1.12',
  'label=x',
  'label=y',
  'site=berlin',
  'host=h0',
  'server=s',
  'cluster=c0',
  'exists cluster',
  'group=g0',
  'group=g1',
  'exists group',
  'any',
);
const expression = fc.oneof(
  atom,
  fc.tuple(atom, atom, fc.constantFrom('AND', 'OR')).map(([a, b, op]) => `${a} ${op} ${b}`),
  fc.tuple(atom, atom).map(([a, b]) => `${a} AND NOT (${b})`),
  fc.tuple(atom, atom).map(([a, b]) => `NOT ${a} OR ${b}`),
);
/** Of groups: a group takes members of those before it only, and none that the inventory doesn't name. */
const members = (i: number) =>
  fc.constantFrom(
    undefined,
    undefined,
    'tier=node AND zone!=b',
    'host=h0',
    ...(i > 0 ? ['group=g0 AND label=x'] : []),
  );

const address = (n: number, six: boolean) => (six ? `2001:db8::${n.toString(16)}` : `10.0.0.${n}`);
const groupAddresses = fc.array(
  fc
    .tuple(fc.boolean(), fc.nat(15), fc.nat(4))
    .map(([six, n, bits]) => `${address((n >> bits) << bits, six)}/${(six ? 128 : 32) - bits}`),
  { maxLength: 3 },
);
const shape = fc.record({
  hosts: fc.uniqueArray(fc.tuple(fc.nat(15), fc.boolean()), {
    selector: ([n, six]) => `${n} ${six}`,
    minLength: 1,
    maxLength: 5,
  }),
  groups: fc.tuple(groupAddresses, groupAddresses),
  site: fc.boolean(),
});
const paint = fc.record({
  hosts: fc.array(tags, { minLength: 5, maxLength: 5 }),
  imported: fc.array(tags, { minLength: 5, maxLength: 5 }),
  clusters: fc.tuple(tags, tags),
  clusterOf: fc.array(fc.constantFrom('c0', 'c1', undefined), { minLength: 5, maxLength: 5 }),
  groups: fc.tuple(tags, tags),
  members: fc.tuple(members(0), members(1)),
});
type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never;
type Paint = typeof paint extends fc.Arbitrary<infer T> ? T : never;

function inventory({ hosts, groups, site }: Shape, colour: Paint): Inventory {
  return Inventory.parse({
    apiVersion: 'portcullis/v1',
    ...(site ? { sites: [{ name: 'berlin', tags: ['zone=b'] }] } : {}),
    clusters: colour.clusters.map((own, i) => ({
      name: `c${i}`,
      tags: own,
      ...(site ? { site: 'berlin' } : {}),
    })),
    hosts: hosts.map(([n, six], i) => ({
      name: `h${i}`,
      addresses: [address(n, six)],
      cluster: i === 0 ? 'c0' : colour.clusterOf[i],
      tags: colour.hosts[i],
      source: 'kubernetes',
      imported: colour.imported[i],
    })),
    servers: [{ name: 's', cluster: 'c0', host: 'h0', address: address(...(hosts[0] ?? [0, false])) }],
    groups: groups.map((addresses, i) => ({
      name: `g${i}`,
      addresses,
      tags: colour.groups[i],
      ...(colour.members[i] === undefined ? {} : { members: colour.members[i] }),
    })),
  });
}

const callers = [
  ...Array.from({ length: 16 }, (_, n) => [address(n, false), address(n, true)]).flat(),
  '192.0.2.1',
].map((text) => parseCidr(text));

/** One address, by the words of address-book.ts. */
function twinSelects(one: Inventory, wanted: Expression, caller: Cidr): boolean {
  const host = one.hosts.find(({ addresses }) => addresses.includes(caller.text));
  const holding = one.groups
    .flatMap((group, at) => group.addresses.map((text) => ({ group, at, cidr: parseCidr(text) })))
    .filter(({ cidr }) => contains(cidr, caller))
    .sort((a, b) => b.cidr.bits - a.cidr.bits || a.at - b.at);
  const named = host !== undefined || holding.length > 0;
  const cluster = one.clusters.find(({ name }) => name === host?.cluster);
  const site = one.sites?.find(({ name }) => name === cluster?.site);
  const own = effectiveTags([
    host?.tags ?? [],
    host?.imported ?? [],
    cluster?.tags ?? [],
    site?.tags ?? [],
    site ? ['site=berlin'] : [],
    ...holding.map(({ group }) => group.tags),
  ]);
  const implicit = [
    ...(host ? [`host=${host.name}`] : []),
    ...(host?.cluster === undefined ? [] : [`cluster=${host.cluster}`]),
    ...(host?.name === 'h0' ? ['server=s'] : []),
  ];
  for (const { name, members: text } of one.groups) {
    const held = holding.some(({ group }) => group.name === name);
    const taken = text !== undefined && named && matches(parseExpression(text), [...own, ...implicit]);
    if (held || taken) implicit.push(`group=${name}`);
  }
  return matches(wanted, [...own, ...implicit]);
}

function holds(set: AddressSet, { family, first }: Cidr): boolean {
  return set[family].some((interval) => interval.first <= first && interval.last >= first);
}

/** Two groups with one prefix and different values have no order: the checks refuse such an inventory. */
function ambiguous(one: Inventory): boolean {
  const [a, b] = one.groups;
  const values = new Map((a?.tags ?? []).map((tag) => [tagType(tag), tag]));
  return (
    (a?.addresses ?? []).some((text) => b?.addresses.includes(text)) &&
    (b?.tags ?? []).some((tag) => tagType(tag) !== 'label' && (values.get(tagType(tag)) ?? tag) !== tag)
  );
}

test('a book selects what the twin says, address by address, after every change of tags', () => {
  let selected = 0;
  fc.assert(
    fc.property(
      shape,
      fc.array(paint, { minLength: 1, maxLength: 3 }),
      fc.array(expression, { maxLength: 6 }),
      (place, paints, texts) => {
        for (const colour of paints) {
          const one = inventory(place, colour);
          if (ambiguous(one)) continue;
          const book = addressBook(one);
          for (const text of texts) {
            let wanted: Expression;
            try {
              wanted = parseCallers(text, 'from');
            } catch (error) {
              assert.ok(error instanceof Failure && error.code === 'bad-expression');
              continue;
            }
            const set = book.select(text, 'from');
            for (const caller of callers) {
              const expected = twinSelects(one, wanted, caller);
              assert.equal(holds(set, caller), expected, `${text}: ${caller.text}`);
              if (expected) selected++;
            }
          }
        }
      },
    ),
    { numRuns: 400 },
  );
  assert.ok(selected > 1000, `${selected}`);
});

test('a book that took over equals one made from nothing', () => {
  const elsewhere = inventory(
    { hosts: [[9, true]], groups: [[], []], site: false },
    {
      hosts: [[], [], [], [], []],
      imported: [[], [], [], [], []],
      clusters: [[], []],
      clusterOf: [],
      groups: [[], []],
      members: [undefined, undefined],
    },
  );
  fc.assert(
    fc.property(shape, paint, paint, (place, before, after) => {
      addressBook(inventory(place, before));
      const taken = addressBook(inventory(place, after)).entries;
      addressBook(structuredClone(elsewhere));
      const fresh = addressBook(inventory(place, after)).entries;
      assert.deepEqual(taken, fresh);
    }),
    { numRuns: 200 },
  );
});

test('an unchanged selection is the same set, so that what was made from it is found again', () => {
  const make = (tag: string) =>
    Inventory.parse({
      apiVersion: 'portcullis/v1',
      clusters: [{ name: 'c' }],
      hosts: [{ name: 'h', addresses: ['10.1.0.1'], cluster: 'c' }],
      servers: [{ name: 's', cluster: 'c', host: 'h', address: '10.1.0.1' }],
      groups: [
        { name: 'a', addresses: ['10.2.0.0-10.2.0.9'], tags: ['label=a'] },
        { name: 'b', addresses: ['10.3.0.0/24'], tags: [tag] },
      ],
    });
  const [before, after] = [addressBook(make('label=b')), addressBook(make('label=c'))];
  assert.equal(after.select('label=a', 'from'), before.select('label=a', 'from'));
  assert.equal(after.select('label=c', 'from'), before.select('label=b', 'from'));
  assert.deepEqual(after.select('label=b', 'from'), { 4: [], 6: [] });
});
