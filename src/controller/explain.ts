// Answers why callers meet the verdict that they meet: who is asked about, and what is in force now.
import { parseCidr } from '../base/cidr.ts';
import { timestamp } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import type { ExplainAnswer, ExplainRequest, Explanation } from '../model/explain.ts';
import type { ApiServer, Inventory } from '../model/inventory.ts';
import type { AgentPlan } from '../model/plan.ts';
import { addressText, families, type Range, rangeText, resolveService } from '../nft/intervals.ts';
import { addressBook } from '../policy/address-book.ts';
import { type AddressSet, addressSet } from '../policy/address-set.ts';
import { type ExplainContext, explain } from '../policy/explain.ts';
import { serviceGroups } from '../policy/groups.ts';
import { addressLayers, originsOf } from '../policy/origins.ts';
import { createParties } from '../policy/parties.ts';
import { serverLayers, serverTags } from '../policy/tags.ts';
import type { Core } from './core.ts';
import { generationOf } from './lifecycle-state.ts';

/** Rules told of, when many decide about the callers. */
const maxRules = 8;
const maxRanges = 8;

/** @throws Failure `unknown-server`, `no-inventory`, `bad-expression`, `unknown-name` */
export function explainPath(core: Core, { from, to }: ExplainRequest): ExplainAnswer {
  const input = core.compileInput();
  if (!input) throw new Failure('no-inventory', 'there is no inventory yet');
  const { inventory, observed } = input;
  const server = serverAt(inventory, to);
  const text = core.plan('agent', server.host)?.text;
  const plan = text === undefined ? undefined : (JSON.parse(text) as AgentPlan);
  const service = plan?.services.find((each) => each.server === server.name);
  if (!plan || !service)
    throw new Failure('unknown-server', `no plan speaks of the server '${server.name}' yet`);
  const tags = serverTags(inventory, observed).get(server.name) ?? [];
  const book = addressBook(inventory);
  const context: ExplainContext = {
    service,
    target: { name: server.name, tags, service: 'api', port: server.port },
    policy: input.policy,
    expired: input.expired ?? new Set(),
    book,
    groups: serviceGroups(inventory),
  };
  const nameOf = createParties(book.entries);
  const groups = byRule(service, callers(inventory, book, from));
  return {
    server: server.name,
    endpoints: service.endpoints,
    tags: originsOf(serverLayers(inventory, observed).get(server.name) ?? []),
    policy: generationOf(core.state.lifecycle),
    plan: plan.generation,
    shields: [...core.state.stages.values()]
      .filter((stage) => stage.server === server.name)
      .map(({ shield, stage, since, why }) => ({ shield, stage, since: timestamp(since), why })),
    callers: groups.slice(0, maxRules).map(({ first, alike }): Explanation => {
      const { name, tags: own } = nameOf(first);
      const { verdict, rule, steps } = explain(context, first, own);
      const party = { address: first, name, tags: originsOf(addressLayers(inventory, first)) };
      return { from: party, alike, verdict, rule, steps };
    }),
    more: Math.max(0, groups.length - maxRules),
  };
}

/** A server by its name, or by an address of it, with or without its port. */
function serverAt(inventory: Inventory, to: string): ApiServer {
  const named = inventory.servers.find(({ name }) => name === to);
  if (named) return named;
  const [, bracketed, plain, port] =
    /^(?:\[([^\]]+)\]|([^:]+|[0-9a-f:]+?))(?::([0-9]{1,5}))?$/i.exec(to) ?? [];
  const address = canonical(bracketed ?? plain ?? to) ?? canonical(to);
  const at = (server: ApiServer) =>
    [{ address: server.address, port: server.port }, ...server.also].some(
      (endpoint) =>
        endpoint.address === address &&
        (port === undefined || canonical(to) !== undefined || endpoint.port === Number(port)),
    );
  const found = inventory.servers.find(at);
  if (found) return found;
  throw new Failure('unknown-server', `there is no server '${to}' in the inventory`, {
    hint: 'give its name, an address of it, or address:port',
  });
}

/** The callers that were asked about: an address, what a name stands for, or what an expression selects. */
function callers(inventory: Inventory, book: ReturnType<typeof addressBook>, from: string): AddressSet {
  const address = prefix(from);
  if (address) return addressSet([address]);
  const name = from.trim();
  const kinds: readonly [string, readonly { readonly name: string }[]][] = [
    ['group', inventory.groups],
    ['host', inventory.hosts],
    ['cluster', inventory.clusters],
  ];
  const kind = kinds.find(([, things]) => things.some((thing) => thing.name === name))?.[0];
  const found = book.select(kind ? `${kind}=${name}` : from, 'from');
  if (found[4].length + found[6].length > 0) return found;
  throw new Failure('bad-request', `no address matches '${from}'`, { place: 'from' });
}

/** The callers by the rule that decides about them: the first address, and all of them as ranges. */
function byRule(
  service: AgentPlan['services'][number],
  set: AddressSet,
): { first: string; alike: string[] }[] {
  const resolved = resolveService(service);
  const found = new Map<number, { first: string; alike: string[]; more: number }>();
  for (const family of families) {
    const ranges = resolved.ranges[family];
    let at = 0;
    for (const wanted of set[family]) {
      while ((ranges[at]?.last ?? wanted.first) < wanted.first) at += 1;
      for (let i = at; i < ranges.length; i += 1) {
        const range = ranges[i];
        if (!range || range.first > wanted.last) break;
        const piece: Range = {
          first: range.first > wanted.first ? range.first : wanted.first,
          last: range.last < wanted.last ? range.last : wanted.last,
        };
        const known = found.get(range.rule) ?? {
          first: addressText(family, piece.first),
          alike: [],
          more: 0,
        };
        if (known.alike.length < maxRanges) known.alike.push(rangeText(family, piece));
        else known.more += 1;
        found.set(range.rule, known);
      }
    }
  }
  return [...found]
    .sort(([a], [b]) => a - b)
    .map(([, { first, alike, more }]) => ({
      first: parseCidr(first).text,
      alike: more > 0 ? [...alike, `and ${more} more ranges`] : alike,
    }));
}

function prefix(text: string) {
  try {
    return parseCidr(text.trim());
  } catch {
    return undefined;
  }
}

function canonical(text: string): string | undefined {
  const cidr = prefix(text);
  return cidr && cidr.first === cidr.last ? cidr.text : undefined;
}
