// From one table to another by what differs between them: a changed tag is one element, not a hundred thousand.
import {
  callerElement,
  counterBody,
  type Element,
  elementsOf,
  elementText,
  rangeKey,
  ruleText,
  storeHead,
  storeKind,
} from './render.ts';
import { type Chain, type Entries, generationChain, type Store, type Table, tableName } from './table.ts';

/** The step from one table to another. */
export type Delta = {
  readonly script: string;
  /** What goes out of stores that are in both tables, and what comes into them. */
  readonly elements: readonly {
    readonly store: string;
    readonly removed: readonly Element[];
    readonly added: readonly Element[];
  }[];
  /** Names of chains whose rules are others. */
  readonly chains: readonly string[];
};

/** Elements beyond which replacing the whole table is quicker. */
const maxElements = 20_000;

/**
 * The script that turns the standing table, which must be `former`, into `next` in one transaction. Rules that are the
 * same in both go on counting, and the callers that were recorded stay. Undefined when too much differs.
 */
export function renderDelta(former: Table, next: Table): Delta | undefined {
  const stores = pair(former.stores, next.stores);
  const chains = pair(former.chains, next.chains);
  const counters = pair(former.counters, next.counters);
  if (stores.both.some(([a, b]) => a.kind !== b.kind || storeHead(a).join() !== storeHead(b).join()))
    return undefined;
  if (chains.both.some(([a, b]) => JSON.stringify(a.base) !== JSON.stringify(b.base))) return undefined;
  const edited = stores.both
    .map(([a, b]) => ({ store: b.name, ...elementChange(a, b) }))
    .filter(({ removed, added }) => removed.length + added.length > 0);
  const filled = stores.added.map((store) => ({ store: store.name, removed: [], added: elementsOf(store) }));
  const elements = [...edited, ...filled];
  const count = elements.reduce((sum, { removed, added }) => sum + removed.length + added.length, 0);
  if (count > maxElements) return undefined;

  const lines: string[] = [];
  const say = (verb: 'add' | 'delete' | 'flush', kind: string, name: string, body = '') =>
    lines.push(`${verb} ${kind} inet ${tableName} ${name}${body}`);
  // Fails where the standing table is of another generation, or gone.
  say('flush', 'chain', `${generationChain}${former.generation}`);
  // What is referred to comes before what refers to it, and goes after it.
  for (const counter of counters.added) say('add', 'counter', counter.name, ` { ${counterBody(counter)}; }`);
  for (const { name, base } of chains.added) {
    say(
      'add',
      'chain',
      name,
      base ? ` { type ${base.type} hook ${base.hook} priority ${base.priority}; policy accept; }` : '',
    );
  }
  for (const store of stores.added)
    say('add', storeKind(store), store.name, ` { ${storeHead(store).join('; ')}; }`);
  for (const { store, removed } of elements) {
    if (removed.length > 0)
      say('delete', 'element', store, ` { ${removed.map(({ key }) => key).join(', ')} }`);
  }
  const changed = chains.both.filter(([a, b]) => rulesOf(a) !== rulesOf(b)).map(([, b]) => b);
  for (const { name } of [...changed, ...chains.removed]) say('flush', 'chain', name);
  for (const { store, added } of elements) {
    if (added.length > 0) say('add', 'element', store, ` { ${added.map(elementText).join(', ')} }`);
  }
  for (const chain of [...chains.added, ...changed]) {
    for (const rule of chain.rules) say('add', 'rule', chain.name, ` ${ruleText(rule)}`);
  }
  for (const store of stores.removed) say('delete', storeKind(store), store.name);
  for (const { name } of chains.removed) say('delete', 'chain', name);
  for (const { name } of counters.removed) say('delete', 'counter', name);
  return { script: `${lines.join('\n')}\n`, elements: edited, chains: changed.map(({ name }) => name) };
}

function elementChange(
  former: Store,
  next: Store,
): { removed: readonly Element[]; added: readonly Element[] } {
  const quick = knownChange(former, next);
  if (quick) return quick;
  const was = new Map(elementsOf(former).map((each) => [each.key, each]));
  const is = new Map(elementsOf(next).map((each) => [each.key, each]));
  return {
    removed: [...was.values()].filter(({ key, value }) => !is.has(key) || is.get(key)?.value !== value),
    added: [...is.values()].filter(({ key, value }) => !was.has(key) || was.get(key)?.value !== value),
  };
}

/** What is known to have changed between stores that were made one from the other. */
function knownChange(former: Store, next: Store) {
  if (next.kind === 'callers' && former.kind === 'callers') {
    return since(former.entries, next.entries, (e) => callerElement(next, e));
  }
  if (next.kind === 'addresses' && former.kind === 'addresses') {
    return since(former.entries, next.entries, (e): Element => ({ key: rangeKey(next, e) }));
  }
  return undefined;
}

function since<Entry>(former: Entries<Entry>, next: Entries<Entry>, element: (entry: Entry) => Element) {
  if (next.change?.since !== former.source) return undefined;
  return { removed: next.change.removed.map(element), added: next.change.added.map(element) };
}

function rulesOf(chain: Chain): string {
  return chain.rules.map(ruleText).join('\n');
}

function pair<T extends { readonly name: string }>(former: readonly T[], next: readonly T[]) {
  const was = new Map(former.map((each) => [each.name, each]));
  const is = new Set(next.map(({ name }) => name));
  return {
    both: next.flatMap((b): [T, T][] => {
      const a = was.get(b.name);
      return a ? [[a, b]] : [];
    }),
    added: next.filter(({ name }) => !was.has(name)),
    removed: former.filter(({ name }) => !is.has(name)),
  };
}
