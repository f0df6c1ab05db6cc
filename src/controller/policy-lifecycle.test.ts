// The life of a policy against a dumb twin: random sequences of drafts, approvals, commits, confirmations, rollbacks, time
// and restarts, after each of which the controller and the twin must hold the same.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../base/failure.ts';
import { memoryLog } from '../log/memory.ts';
import { Inventory } from '../model/inventory.ts';
import { AgentPlan } from '../model/plan.ts';
import { Policy } from '../model/policy.ts';
import { type Core, openCore } from './core.ts';
import { applyPolicy, putDocuments } from './documents.ts';
import { commitDraft, confirm, createPolicyClock, rollBack } from './policy-commits.ts';
import { approve, history, rebaseDraft, saveDraft } from './policy-drafts.ts';
import { review, type SessionSources } from './review.ts';
import { requireTwoPeople } from './two-people.ts';

const inventory = Inventory.parse({
  apiVersion: 'portcullis/v1',
  clusters: [{ name: 'c' }],
  hosts: [{ name: 'h', cluster: 'c', addresses: ['10.0.0.1'] }],
  servers: [{ name: 's', cluster: 'c', host: 'h', address: '10.0.0.1' }],
  groups: [{ name: 'g', addresses: ['192.0.2.0/24'], tags: ['label=g'] }],
});

type DocRule = { readonly action: string; readonly expires?: number };

/** A policy as the twin knows it: rules by id, always in the order of their ids. */
type Doc = {
  readonly rules: ReadonlyMap<string, DocRule>;
  readonly approval: 'none' | 'required';
};
/** In every policy, between the others: so that whatever is picked of a draft has one place where it belongs. */
const anchors = ['r1-x', 'r2-x'].map((id) => [id, { action: 'pass' }] as const);
const first: Doc = { rules: new Map(anchors), approval: 'none' };
const start = Date.parse('2026-01-01T00:00:00Z');

function policyOf({ rules, approval }: Doc): Policy {
  const list = [...rules]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, { action, expires }]) => ({
      id,
      from: 'label=g',
      to: 'any',
      action,
      ...(expires === undefined ? {} : { expires: new Date(start + expires).toISOString() }),
    }));
  return Policy.parse({ apiVersion: 'portcullis/v1', rules: list, approval });
}
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
const text = (doc: Doc) => JSON.stringify(policyOf(doc));

/** Keys of what differs. */
function keysOf(base: Doc, draft: Doc): string[] {
  const ids = [...new Set([...base.rules.keys(), ...draft.rules.keys()])].sort();
  const keys = ids.filter((id) => !same(base.rules.get(id), draft.rules.get(id))).map((id) => `rule/${id}`);
  return base.approval === draft.approval ? keys : [...keys, 'approval'];
}
function pick(base: Doc, draft: Doc, keys: readonly string[]): Doc {
  const rules = new Map(base.rules);
  for (const key of keys.filter((each) => each !== 'approval')) {
    const id = key.slice('rule/'.length);
    const rule = draft.rules.get(id);
    if (rule) rules.set(id, rule);
    else rules.delete(id);
  }
  return { rules, approval: keys.includes('approval') ? draft.approval : base.approval };
}

class Twin {
  now = 0;
  commits: Doc[] = [first];
  drafts = new Map<string, { base: number; doc: Doc; author: string }>();
  approvals = new Map<string, string>();
  pending: { deadline: number; former: Doc } | undefined;
  expired = new Set<string>();

  get doc(): Doc {
    return this.commits.at(-1) ?? first;
  }
  put(doc: Doc, confirmMs?: number): void {
    this.pending = confirmMs === undefined ? undefined : { deadline: this.now + confirmMs, former: this.doc };
    this.commits.push(doc);
    this.approvals.clear();
    this.lapse();
  }
  lapse(doc = this.doc): void {
    for (const [id, { expires }] of doc.rules)
      if (expires !== undefined && expires <= this.now) this.expired.add(`${id} ${expires}`);
  }
  tick(): void {
    if (this.pending && this.pending.deadline <= this.now) this.put(this.pending.former);
    this.lapse();
    if (this.pending) this.lapse(this.pending.former);
  }
  inForce(doc: Doc): string[] {
    return [...doc.rules]
      .filter(([id, { expires }]) => !this.expired.has(`${id} ${expires}`))
      .map(([id]) => `policy/${id}`)
      .sort();
  }
}

class Real {
  now = start;
  readonly clock = { now: () => this.now, mono: () => this.now };
  readonly log = memoryLog(this.clock);
  core: Core = this.open();
  constructor() {
    putDocuments(this.core, { inventory, policy: policyOf(first) }, 'user:a');
  }
  open(): Core {
    return openCore({
      log: this.log,
      knowledge: { shields: [], advisories: [], assess: () => ({ exposures: [], tags: [] }) },
      clock: this.clock,
      controllers: [],
      probers: [],
      note: () => {},
    });
  }
}

type Step = fc.Command<Twin, Real>;
/** The real thing does what the twin says, or refuses with the code that the twin says. */
function step(
  name: string,
  twin: (model: Twin) => string | undefined,
  real: (core: Core, real: Real) => void,
): Step {
  return {
    toString: () => name,
    check: () => true,
    run(model, system) {
      const refusal = twin(model);
      let code: string | undefined;
      try {
        real(system.core, system);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        code = error.code;
      }
      assert.equal(code, refusal, name);
      counts.set(code ?? name.split(' ')[0] ?? '', (counts.get(code ?? name.split(' ')[0] ?? '') ?? 0) + 1);
      compare(model, system);
    },
  };
}
const counts = new Map<string, number>();

function compare(model: Twin, { core }: Real): void {
  const told = history(core);
  assert.equal(told.generation, model.commits.length);
  assert.deepEqual(core.policy(), policyOf(model.doc));
  assert.deepEqual(
    told.drafts.map(({ name, base, author, outdated, approver }) => ({
      name,
      base,
      author,
      outdated,
      approver,
    })),
    [...model.drafts].map(([name, { base, author, doc }]) => ({
      name,
      base,
      author,
      outdated: base !== model.commits.length,
      approver: base === model.commits.length ? model.approvals.get(text(doc)) : undefined,
    })),
  );
  const plan = AgentPlan.parse(JSON.parse(core.plan('agent', 'h')?.text() ?? '{}'));
  const rules = (services: AgentPlan['services']) =>
    services[0]?.rules.map(({ id }) => id).filter((id) => id.startsWith('policy/'));
  assert.deepEqual(rules(plan.services), model.inForce(model.doc));
  const before = model.pending && model.inForce(model.pending.former);
  if (!model.pending) assert.equal(plan.confirm, undefined);
  else if (plan.confirm) {
    assert.deepEqual(rules(plan.confirm.otherwise.services), before);
    assert.equal(Date.parse(plan.confirm.before) - start, model.pending.deadline);
  } else assert.deepEqual(rules(plan.services), before);
}

const person = fc.constantFrom('user:a', 'user:b');
const name = fc.constantFrom('d1', 'd2');
const doc = fc
  .record({
    rules: fc.uniqueArray(
      fc.record(
        {
          id: fc.constantFrom('r1', 'r2', 'r3'),
          action: fc.constantFrom('pass', 'deny'),
          expires: fc.constantFrom(100_000),
        },
        { requiredKeys: ['id', 'action'] },
      ),
      { selector: ({ id }) => id, maxLength: 3 },
    ),
    approval: fc.constantFrom('none', 'none', 'required') as fc.Arbitrary<Doc['approval']>,
  })
  .map(
    ({ rules, approval }): Doc => ({
      rules: new Map<string, DocRule>([...anchors, ...rules.map(({ id, ...rest }) => [id, rest] as const)]),
      approval,
    }),
  );
const coins = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 });
const confirmSeconds = fc.constantFrom(undefined, undefined, 30);
const someOf = (keys: readonly string[], tossed: readonly boolean[]) =>
  keys.filter((_, i) => tossed[i % tossed.length]);

function direct(model: Twin): string | undefined {
  return model.pending ? 'unconfirmed' : model.doc.approval === 'required' ? 'approval-required' : undefined;
}
/** Which changes, for both sides alike: none named means all. */
function selection(model: Twin, draft: string, tossed: readonly boolean[], all: boolean) {
  const found = model.drafts.get(draft);
  const keys = found ? keysOf(model.doc, found.doc) : [];
  const only = all ? [] : someOf(keys, tossed);
  return { found, keys, only, whole: only.length === 0 || only.length === keys.length };
}

const commands = [
  fc.tuple(name, doc, person).map(([draft, wanted, who]) =>
    step(
      `save ${draft}`,
      (model) => {
        const known = model.drafts.get(draft);
        const base = known?.base ?? model.commits.length;
        if (known && text(known.doc) === text(wanted)) return undefined;
        model.drafts.delete(draft);
        model.drafts.set(draft, { base, doc: wanted, author: who });
        return undefined;
      },
      (core) => saveDraft(core, { name: draft, policy: policyOf(wanted) }, who),
    ),
  ),
  fc.tuple(name, person).map(([draft, who]) =>
    step(
      `rebase ${draft}`,
      (model) => {
        const known = model.drafts.get(draft);
        if (!known) return 'unknown-draft';
        const base = model.commits[known.base - 1] ?? first;
        const [mine, theirs] = [keysOf(base, known.doc), keysOf(base, model.doc)];
        const value = (from: Doc, key: string) =>
          key === 'approval' ? from.approval : from.rules.get(key.slice(5));
        if (mine.some((key) => theirs.includes(key) && !same(value(known.doc, key), value(model.doc, key))))
          return 'draft-outdated';
        const merged = pick(model.doc, known.doc, mine);
        if (known.base === model.commits.length && text(merged) === text(known.doc)) return undefined;
        model.drafts.delete(draft);
        model.drafts.set(draft, { base: model.commits.length, doc: merged, author: who });
        return undefined;
      },
      (core) => rebaseDraft(core, draft, who),
    ),
  ),
  fc.tuple(name, person, coins, fc.boolean()).map(([draft, who, tossed, all]) => {
    let only: string[] = [];
    return step(
      `approve ${draft}`,
      (model) => {
        const chosen = selection(model, draft, tossed, all);
        only = chosen.only;
        if (!chosen.found) return 'unknown-draft';
        if (chosen.found.base !== model.commits.length) return 'draft-outdated';
        if (chosen.found.author === who) return 'own-approval';
        const result = chosen.whole ? chosen.found.doc : pick(model.doc, chosen.found.doc, only);
        model.approvals.set(text(result), who);
        return undefined;
      },
      (core) => void approve(core, { name: draft, ...(only.length > 0 ? { only } : {}) }, who),
    );
  }),
  fc.tuple(name, person, coins, fc.boolean(), confirmSeconds).map(([draft, who, tossed, all, seconds]) => {
    let only: string[] = [];
    return step(
      `commit ${draft}`,
      (model) => {
        const chosen = selection(model, draft, tossed, all);
        only = chosen.only;
        const { found, keys, whole } = chosen;
        if (model.pending) return 'unconfirmed';
        if (!found) return 'unknown-draft';
        if (found.base !== model.commits.length) return 'draft-outdated';
        if (keys.length === 0) return 'nothing-to-change';
        const result = whole ? found.doc : pick(model.doc, found.doc, only);
        const approver = model.approvals.get(text(result));
        if (model.doc.approval === 'required' && (approver === undefined || approver === found.author))
          return 'approval-required';
        model.put(result, seconds === undefined ? undefined : seconds * 1000);
        model.drafts.delete(draft);
        if (!whole) model.drafts.set(draft, { ...found, base: model.commits.length });
        return undefined;
      },
      (core) =>
        void commitDraft(
          core,
          { name: draft, ...(only.length > 0 ? { only } : {}), confirmSeconds: seconds },
          who,
        ),
    );
  }),
  fc.tuple(doc, person).map(([wanted, who]) =>
    step(
      'apply',
      (model) => {
        if (text(wanted) === text(model.doc)) return undefined;
        const refusal = direct(model);
        if (!refusal) model.put(wanted);
        return refusal;
      },
      (core) => applyPolicy(core, policyOf(wanted), who),
    ),
  ),
  fc.constant(
    step(
      'confirm',
      (model) => {
        if (!model.pending) return 'nothing-to-change';
        model.pending = undefined;
        return undefined;
      },
      (core) => void confirm(core, 'user:a'),
    ),
  ),
  fc.tuple(fc.integer({ min: 1, max: 7 }), confirmSeconds).map(([generation, seconds]) =>
    step(
      'rollback',
      (model) => {
        const undoes = model.pending && generation === model.commits.length - 1;
        const refusal = undoes ? undefined : direct(model);
        if (refusal) return refusal;
        if (generation > model.commits.length) return 'unknown-generation';
        const former = model.commits[generation - 1];
        const now = model.commits.at(-1);
        if (!former || (now && text(former) === text(now))) return 'nothing-to-change';
        model.put(former, seconds === undefined ? undefined : seconds * 1000);
        return undefined;
      },
      (core) => void rollBack(core, { generation, confirmSeconds: seconds }, 'user:b'),
    ),
  ),
  fc.constantFrom(10_000, 29_999, 40_000).map((ms) =>
    step(
      'tick',
      (model) => {
        model.now += ms;
        model.tick();
        return undefined;
      },
      (core, real) => {
        real.now += ms;
        createPolicyClock(core).tick();
      },
    ),
  ),
  fc.constant(
    step(
      'restart',
      () => undefined,
      (_, real) => {
        real.core.close();
        real.core = real.open();
      },
    ),
  ),
];

/** How often each is met, at least: agreement on what never happens says nothing. */
const wanted: Readonly<Record<string, number>> = {
  save: 11,
  rebase: 11,
  approve: 11,
  commit: 11,
  apply: 11,
  confirm: 11,
  rollback: 11,
  tick: 11,
  restart: 11,
  'draft-outdated': 6,
  'approval-required': 6,
  'own-approval': 6,
  unconfirmed: 6,
  'unknown-draft': 6,
};

test('a policy lives as the twin says, through restarts', () => {
  const unmet = () => Object.keys(wanted).filter((met) => (counts.get(met) ?? 0) < (wanted[met] ?? 0));
  const { seed = 0 } = fc.readConfigureGlobal() ?? {};
  // One round is nearly always enough; some seeds draw too few of what is rare.
  for (let round = 0; round < 10 && (round === 0 || unmet().length > 0); round++) {
    fc.assert(
      fc.property(fc.commands(commands, { maxCommands: 40, size: 'max' }), (steps) => {
        fc.modelRun(() => ({ model: new Twin(), real: new Real() }), steps);
      }),
      { numRuns: 150, seed: seed + round },
    );
  }
  assert.deepEqual(unmet(), [], JSON.stringify([...counts]));
});

describe('reviews', () => {
  const base = policyOf(first);
  const draft = (...rules: object[]) => Policy.parse({ apiVersion: 'portcullis/v1', rules });
  const nothing: SessionSources = { recorded: () => [], open: () => [] };
  const noG = { id: 'no-g', from: 'label=g', to: 'any', action: 'deny' };
  const saved = (policy: Policy) => {
    const { core } = new Real();
    saveDraft(core, { name: 'd', policy }, 'user:a');
    return core;
  };

  test('say whose verdict changes, and nothing of what stays', async () => {
    const found = await review(saved(draft(noG)), { name: 'd' }, nothing);
    assert.deepEqual(found.effects, [
      { server: 's', from: 'pass', to: 'deny', names: ['g'], named: 1, addresses: ['192.0.2.0-192.0.2.255'] },
    ]);
    assert.deepEqual((await review(saved(base), { name: 'd' }, nothing)).effects, []);
    const everybody = await review(saved({ ...base, rules: [], default: 'drop' }), { name: 'd' }, nothing);
    assert.ok(
      everybody.effects[0]?.names.includes('addresses that nobody named'),
      JSON.stringify(everybody.effects),
    );
  });

  test('say who loses and who gets a break-glass way in, also where no verdict changes', async () => {
    const door = (id: string, from: string) => ({ id, tier: 'break-glass', from, to: 'any', action: 'pass' });
    const { core } = new Real();
    applyPolicy(core, draft(door('door', 'label=g')), 'user:a');
    const told = async (...rules: object[]) => {
      saveDraft(core, { name: 'd', policy: draft(...rules) }, 'user:a');
      const { effects, invariants } = await review(core, { name: 'd' }, nothing);
      assert.deepEqual(effects, []);
      return invariants;
    };
    const touched = { name: 'break-glass', server: 's' };
    assert.deepEqual(await told(), [{ ...touched, lost: ['192.0.2.0/24'], gained: [] }]);
    assert.deepEqual(await told(door('other-name', 'label=g')), []);
    assert.deepEqual(await told(door('door', 'label=g'), door('host', 'host=h OR label=g')), [
      { ...touched, lost: [], gained: ['10.0.0.1'] },
    ]);
  });

  test('say who would reach a webhook', async () => {
    const { core } = new Real();
    const [cluster] = inventory.clusters;
    const webhooks = [{ address: '10.0.0.50', port: 9443 }];
    putDocuments(
      core,
      { inventory: Inventory.parse({ ...inventory, clusters: [{ ...cluster, webhooks }] }) },
      'user:a',
    );
    const hook = { id: 'hook', from: 'label=g', to: 'any', service: 'webhook', action: 'pass' };
    saveDraft(core, { name: 'd', policy: draft(...base.rules, hook) }, 'user:a');
    const { effects } = await review(core, { name: 'd' }, nothing);
    assert.deepEqual(
      effects.map(({ server, from, to, names }) => [server, from, to, names]),
      [['webhook/c', 'deny', 'pass', ['g']]],
    );
  });

  test('count the open connections that would be cut and the recorded sessions that would have been refused', async () => {
    const at = (day: number) => new Date(start - day * 86_400_000).toISOString();
    const sources: SessionSources = {
      recorded: (since) => {
        assert.equal(since, at(7));
        const callers = (...of: [string, number][]) =>
          of.map(([address, day]) => ({ server: 's', address, sessions: 1, last: at(day) }));
        return [
          { records: 2, callers: callers(['192.0.2.7', 2]) },
          { records: 2, callers: callers(['192.0.2.7', 1], ['198.51.100.1', 2]) },
        ];
      },
      open: () => [
        { server: 's', address: '192.0.2.7', sessions: 3, at: at(0) },
        { server: 's', address: '198.51.100.1', sessions: 1, at: at(0) },
        { server: 'gone', address: '192.0.2.7', sessions: 1, at: at(0) },
      ],
    };
    const { sessions } = await review(saved(draft(noG)), { name: 'd', days: 7 }, sources);
    const row = { name: 'g', address: '192.0.2.7', server: 's', rule: 'policy/no-g', verdict: 'deny' };
    assert.deepEqual(sessions?.live, [{ ...row, sessions: 3, last: at(0) }]);
    assert.deepEqual(sessions?.recorded, [{ ...row, sessions: 2, last: at(1) }]);
    assert.equal(sessions?.looked, 4);
  });

  test('refuse what would lock out, with the rule and the reason, and commit none of it', async () => {
    const core = saved(draft({ id: 'shut', tier: 'break-glass', from: 'any', to: 'any', action: 'deny' }));
    const { refused } = await review(core, { name: 'd' }, nothing);
    assert.equal(refused?.code, 'plan-locks-out');
    assert.match(refused?.place ?? '', /rules\[0\]/);
    assert.throws(() => commitDraft(core, { name: 'd' }, 'user:a'), { code: 'plan-locks-out' });
    assert.deepEqual(core.policy(), base);
  });

  test('a stage that needs two people is done when the second asks for the same, in time', async () => {
    const real = new Real();
    const stages = { twoPeople: ['lifted'] };
    applyPolicy(real.core, Policy.parse({ apiVersion: 'portcullis/v1', response: stages }), 'user:a');
    const ask = (who: string, more: object = {}) =>
      requireTwoPeople(
        real.core,
        { server: 's', shield: 'CVE-1', stage: 'lifted', why: 'patched', ...more },
        who,
      );
    const refused = { code: 'approval-required' };
    assert.equal(ask('user:a', { stage: 'block' }), undefined);
    assert.throws(() => ask('user:a'), refused);
    assert.throws(() => ask('user:a'), refused);
    assert.throws(() => ask('user:b', { shield: 'CVE-2' }), refused);
    assert.equal(ask('user:b'), 'user:a');
    real.core.close();
    real.core = real.open();
    assert.equal(ask('user:b'), 'user:a', 'a restart forgets nothing');
    real.now += 3_600_000;
    assert.throws(() => ask('user:b'), refused);
    assert.equal(ask('user:a'), 'user:b');
    const data = { shield: 'CVE-1', stage: 'lifted', why: 'patched', by: 'person' };
    real.core.decide([{ kind: 'stage', actor: 'user:a', subject: 's', data }]);
    assert.throws(() => ask('user:a'), refused);
    assert.equal(real.log.read(0, 100).filter(({ kind }) => kind === 'approval').length, 4);
  });

  test('a rule that can not lapse without locking out stays, and that is told once', async () => {
    const real = new Real();
    const door = {
      id: 'door',
      tier: 'break-glass',
      from: 'any',
      to: 'any',
      action: 'pass',
      expires: new Date(start + 5_000).toISOString(),
    };
    const shut = { id: 'shut', tier: 'break-glass', from: 'any', to: 'any', action: 'deny' };
    applyPolicy(real.core, draft(door, shut), 'user:a');
    real.now += 6_000;
    const time = createPolicyClock(real.core);
    for (let n = 0; n < 3; n++) time.tick();
    const told = real.log.read(0, 100).filter(({ kind }) => kind === 'health');
    assert.equal(told.length, 1);
    assert.match(
      String(told[0]?.data['detail']),
      /rule 'door' has expired, and stays in force.*plan-locks-out/,
    );
    assert.equal(real.core.state.lifecycle.expired.size, 0);
    applyPolicy(real.core, base, 'user:a');
  });
});

describe('an approval', () => {
  const required = { ...policyOf(first), approval: 'required' as const };
  const wanted = (id: string): Policy => ({
    ...required,
    rules: [
      ...required.rules,
      ...Policy.parse({
        apiVersion: 'portcullis/v1',
        rules: [{ id, from: 'any', to: 'any', action: 'pass' }],
      }).rules,
    ],
  });
  const begin = () => {
    const { core } = new Real();
    applyPolicy(core, required, 'user:a');
    return core;
  };
  const refused = { code: 'approval-required' };

  test('is void on another generation, even for the same document', async () => {
    const core = begin();
    saveDraft(core, { name: 'd', policy: wanted('late') }, 'user:a');
    approve(core, { name: 'd' }, 'user:b');
    saveDraft(core, { name: 'e', policy: wanted('other') }, 'user:a');
    approve(core, { name: 'e' }, 'user:b');
    commitDraft(core, { name: 'e' }, 'user:a');
    saveDraft(core, { name: 'd', policy: wanted('late'), base: history(core).generation }, 'user:a');
    assert.throws(() => commitDraft(core, { name: 'd' }, 'user:a'), refused);
  });

  test("of one's own document by way of another's draft counts for nothing", () => {
    const core = begin();
    saveDraft(core, { name: 'theirs', policy: wanted('x') }, 'user:b');
    approve(core, { name: 'theirs' }, 'user:a');
    saveDraft(core, { name: 'mine', policy: wanted('x') }, 'user:a');
    assert.throws(() => commitDraft(core, { name: 'mine' }, 'user:a'), refused);
    commitDraft(core, { name: 'theirs' }, 'user:a');
  });

  test('of a whole draft is none of a part of it', async () => {
    const core = begin();
    const two: Policy = { ...wanted('x'), default: 'deny' };
    saveDraft(core, { name: 'd', policy: two }, 'user:a');
    approve(core, { name: 'd' }, 'user:b');
    assert.throws(() => commitDraft(core, { name: 'd', only: ['rule/x'] }, 'user:a'), refused);
    approve(core, { name: 'd', only: ['rule/x'] }, 'user:b');
    commitDraft(core, { name: 'd', only: ['rule/x'] }, 'user:a');
    assert.throws(() => commitDraft(core, { name: 'd' }, 'user:a'), refused);
  });
});
