// Deltas against a fake kernel that knows nothing but objects by name: what a delta leaves is what a fresh table is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AgentPlan, ProtectedService } from '../model/plan.ts';
import { buildTable } from './build.ts';
import { renderDelta } from './delta.ts';
import { exampleService, planOf, ruleOf } from './example-plan.ts';
import { type ResolvedService, resolveService } from './intervals.ts';
import { elementsOf, elementText, ruleText } from './render.ts';
import { resolveAfter } from './resolve-change.ts';
import type { Table } from './table.ts';

const host = { localAddresses: ['10.0.0.1', '2001:db8::1'] };
const verdict = fc.constantFrom('pass', 'deny', 'drop', 'steer' as const);
/** Few distinct bits, so that prefixes nest, touch and repeat. */
const prefix = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 31 }), fc.integer({ min: 0, max: 5 })).map(([n, hostBits]) => {
    return `10.0.0.${(n >> hostBits) << hostBits}/${32 - hostBits}`;
  }),
  fc.constantFrom(
    '0.0.0.0/0',
    '10.0.0.0/8',
    '::/0',
    '2001:db8::/32',
    '2001:db8:1::/48',
    '2001:db8:1::1',
    '::1',
  ),
);
const callers = fc.array(prefix, { maxLength: 6 });
const rules = fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), callers, verdict), { maxLength: 6 });
const anyService = (id: string) =>
  fc.record({ rules, otherwise: verdict, gate: fc.boolean() }).map((made): ProtectedService => {
    const { gatePort, ...rest } = exampleService;
    const unique = [...new Map(made.rules.map((rule) => [rule[0], rule])).values()];
    return {
      ...rest,
      ...(made.gate && gatePort ? { gatePort } : {}),
      id,
      server: id,
      endpoints: id === 'a' ? exampleService.endpoints : [{ address: '10.0.0.1', port: 7443 }],
      rules: unique.map(([name, from, each]) => ruleOf(`rule-${name}`, from, each)),
      default: made.otherwise,
    };
  });

type Fake = {
  objects: Map<string, string>;
  elements: Map<string, Set<string>>;
  rules: Map<string, string[]>;
};

function fakeOf(table: Table): Fake {
  const objects = new Map<string, string>();
  const fake: Fake = { objects, elements: new Map(), rules: new Map() };
  for (const { name } of table.counters) objects.set(`counter ${name}`, 'counter');
  for (const { name, rules: all } of table.chains) {
    objects.set(`chain ${name}`, 'chain');
    fake.rules.set(name, all.map(ruleText));
  }
  for (const store of table.stores) {
    objects.set(`store ${store.name}`, 'store');
    fake.elements.set(store.name, new Set(elementsOf(store).map(elementText)));
  }
  return fake;
}

/** Runs a script as the kernel would, and objects where it would. */
function run(fake: Fake, script: string): void {
  for (const line of script.trim().split('\n')) {
    const [, verb = '', kind = '', name = '', body = ''] =
      /^(\w+) (\w+) inet portcullis (\S+) ?(.*)$/.exec(line) ?? [];
    const what = kind === 'map' || kind === 'set' ? 'store' : kind;
    const refers = (text: string) => new RegExp(`\\b${name}\\b`).test(text);
    if (kind === 'element') {
      const elements = fake.elements.get(name) ?? assert.fail(`no store: ${line}`);
      for (const item of body.slice(2, -2).split(', ')) {
        const key = item.split(' : ')[0] ?? '';
        const there = [...elements].find((each) => each.split(' : ')[0] === key);
        if (verb === 'add') {
          assert.equal(there, undefined, `already there: ${line}`);
          const [, , chain, counter] = /^.*? : (goto (\S+)|"(\S+)")$/.exec(item) ?? [];
          if (chain !== undefined) assert.ok(fake.objects.has(`chain ${chain}`), line);
          if (counter !== undefined) assert.ok(fake.objects.has(`counter ${counter}`), line);
          elements.add(item);
        } else assert.ok(there !== undefined && elements.delete(there), `not there: ${line}`);
      }
    } else if (kind === 'rule') (fake.rules.get(name) ?? assert.fail(line)).push(body);
    else if (verb === 'flush') assert.ok(fake.rules.has(name) && fake.rules.set(name, []), line);
    else if (verb === 'add') {
      assert.ok(!fake.objects.has(`${what} ${name}`), line);
      fake.objects.set(`${what} ${name}`, what);
      if (kind === 'chain') fake.rules.set(name, []);
      if (kind === 'map' || kind === 'set') fake.elements.set(name, new Set());
    } else {
      assert.ok(fake.objects.delete(`${what} ${name}`), line);
      if (what === 'store') fake.elements.delete(name);
      if (what === 'chain') fake.rules.delete(name);
      for (const all of fake.rules.values()) assert.ok(!all.some(refers), `still referred to: ${line}`);
      for (const all of fake.elements.values())
        assert.ok(![...all].some(refers), `still referred to: ${line}`);
    }
  }
}

const sorted = (fake: Fake) => ({
  objects: [...fake.objects].sort(),
  rules: [...fake.rules].sort(),
  elements: [...fake.elements].map(([name, all]) => [name, [...all].sort()]).sort(),
});

test('a table changed by deltas, step by step, is the table made afresh', () => {
  const services = fc.tuple(anyService('a'), fc.option(anyService('b'), { nil: undefined }));
  /** The next plan: another one, or this one with the callers of one rule changed. */
  const step = fc.oneof(
    services.map((next) => ({ next })),
    fc.record({ rule: fc.nat(), from: callers }).map((edit) => ({ edit })),
  );
  fc.assert(
    fc.property(services, fc.array(step, { minLength: 1, maxLength: 6 }), (begin, steps) => {
      const present = (pair: readonly (ProtectedService | undefined)[]) => pair.flatMap((each) => each ?? []);
      let plan: AgentPlan = planOf(present(begin), 1);
      let resolved: readonly ResolvedService[] = plan.services.map(resolveService);
      let table = buildTable(plan, host, resolved);
      const fake = fakeOf(table);
      for (const [index, each] of steps.entries()) {
        const edited = (service: ProtectedService): ProtectedService => ({
          ...service,
          rules: service.rules.map((rule, at) =>
            'edit' in each && at === each.edit.rule % service.rules.length
              ? { ...rule, from: each.edit.from }
              : rule,
          ),
        });
        plan = planOf('next' in each ? present(each.next) : plan.services.map(edited), index + 2);
        const known = new Map(resolved.map((one) => [one.service.id, one]));
        resolved = plan.services.map((service) => resolveAfter(service, known.get(service.id)));
        assert.deepEqual(
          resolved.map(({ ranges }) => ranges),
          plan.services.map((service) => resolveService(service).ranges),
        );
        const next = buildTable(plan, host, resolved);
        const delta = renderDelta(table, next);
        assert.ok(delta);
        run(fake, delta.script);
        assert.deepEqual(sorted(fake), sorted(fakeOf(buildTable(plan, host))));
        table = next;
      }
    }),
    { numRuns: 300 },
  );
});

test('one address that moves from rule to rule is one element', () => {
  const base = Array.from({ length: 50 }, (_, i) => `10.3.0.${i * 2}`);
  const service = (moved: boolean): ProtectedService => ({
    ...exampleService,
    rules: [
      ruleOf('one', moved ? base.slice(1) : base, 'pass'),
      ruleOf('two', moved ? ['10.4.0.0', '10.3.0.0'] : ['10.4.0.0'], 'pass'),
    ],
  });
  const before = resolveService(service(false));
  const after = resolveAfter(service(true), before);
  const delta = renderDelta(
    buildTable(planOf([before.service], 1), host, [before]),
    buildTable(planOf([after.service], 2), host, [after]),
  );
  assert.equal(delta?.elements.length, 1);
  assert.deepEqual(
    [delta?.elements[0]?.removed.map(({ key }) => key), delta?.elements[0]?.added.map(({ key }) => key)],
    [['10.3.0.0'], ['10.3.0.0']],
  );
  assert.deepEqual(delta?.chains, []);
  // Before it takes an element that leads to a chain, the kernel walks all there are.
  assert.doesNotMatch(delta?.script ?? '', /goto|jump/);
});

test('what differs too much is not made a delta of', () => {
  const many = Array.from({ length: 25_000 }, (_, i) => `30.${i >> 8}.${i & 255}.1`);
  const table = (from: readonly string[]) =>
    buildTable(planOf([{ ...exampleService, rules: [ruleOf('many', from, 'pass')] }]), host);
  assert.equal(renderDelta(table([]), table(many)), undefined);
});

test('a map of single addresses takes what comes while it has room; beyond that it is another map', () => {
  const tableOf = (count: number, generation: number) => {
    const from = Array.from({ length: count }, (_, n) => `20.0.${n >> 7}.${(n & 127) * 2}`);
    return buildTable(
      planOf([{ ...exampleService, rules: [ruleOf('many', from, 'pass')] }], generation),
      host,
    );
  };
  const room = (table: Table) =>
    table.stores.flatMap((store) => (store.kind === 'callers' && store.capacity ? [store.capacity] : []));
  const elements = (table: Table) =>
    table.stores.flatMap((store) =>
      store.kind === 'callers' && store.single ? [elementsOf(store).length] : [],
    );
  for (const [from, to, fits] of [
    [10, 500, true],
    [500, 600, false],
    [600, 1_000, true],
  ] as const) {
    const [former, next] = [tableOf(from, 1), tableOf(to, 2)];
    assert.ok((room(next)[0] ?? 0) > (elements(next)[0] ?? 0), `${room(next)} for ${elements(next)}`);
    assert.equal(renderDelta(former, next) !== undefined, fits, `${from} → ${to}`);
  }
});
