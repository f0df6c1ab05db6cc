// Answers why callers meet the verdict that they meet: who is asked about, and what is in force now.
import { parseCidr } from '../base/cidr.ts';
import { timestamp } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import type { Endpoint } from '../model/common.ts';
import type { ExplainAnswer, ExplainRequest, Explanation } from '../model/explain.ts';
import type { ApiServer, Host, Inventory } from '../model/inventory.ts';
import type { AgentPlan, ProtectedService } from '../model/plan.ts';
import type { Tag } from '../model/tag.ts';
import { addressText, families, type Range, rangeText, resolveService } from '../nft/intervals.ts';
import { addressBook } from '../policy/address-book.ts';
import { type AddressSet, addressSet } from '../policy/address-set.ts';
import type { CompileInput } from '../policy/compile.ts';
import { type ExplainContext, explain } from '../policy/explain.ts';
import { matches, parseExpression } from '../policy/expression.ts';
import { serviceGroups } from '../policy/groups.ts';
import { addressLayers, originsOf } from '../policy/origins.ts';
import { createParties } from '../policy/parties.ts';
import { aboveHost, effectiveTags, type Layer, ownLayers, serverLayers } from '../policy/tags.ts';
import { isInspectable } from '../policy/uninspected.ts';
import type { Core } from './core.ts';
import { coverOf } from './cover.ts';
import { isByGateAlone } from './exposure-gap.ts';
import { generationOf } from './lifecycle-state.ts';
import { createStanding } from './shield-standing.ts';
import { noServerState, pairKey } from './state.ts';

/** Rules told of, when many decide about the callers. */
const maxRules = 8;
const maxRanges = 8;

/** @throws Failure `unknown-server`, `no-inventory`, `bad-expression`, `unknown-name`, `bad-request` */
export function explainPath(core: Core, { from, to, service: named }: ExplainRequest): ExplainAnswer {
  const input = core.compileInput();
  if (!input) throw new Failure('no-inventory', 'there is no inventory yet');
  const { inventory } = input;
  const { plan, service, layers, kind, port } = targetOf(core, input, to, named);
  const { server } = service;
  const tags = effectiveTags(layers.map((layer) => layer.tags));
  const book = addressBook(inventory);
  const context: ExplainContext = {
    service,
    target: { name: server, tags, service: kind, port },
    policy: input.policy,
    expired: input.expired ?? new Set(),
    book,
    groups: serviceGroups(inventory),
  };
  const nameOf = createParties(book.entries);
  const groups = byRule(service, callers(inventory, book, from));
  return {
    server,
    endpoints: service.endpoints,
    tags: originsOf(layers),
    policy: generationOf(core.state.lifecycle),
    plan: plan.generation,
    shields: shieldsAt(core, server, tags),
    callers: groups.slice(0, maxRules).map(({ first, alike }): Explanation => {
      const { name, tags: own } = nameOf(first);
      const { verdict, rule, steps } = explain(context, first, own);
      const party = { address: first, name, tags: originsOf(addressLayers(inventory, first)) };
      return { from: party, alike, verdict, rule, steps };
    }),
    more: Math.max(0, groups.length - maxRules),
  };
}

function shieldsAt(core: Core, name: string, tags: readonly Tag[]): ExplainAnswer['shields'] {
  const standing = createStanding(core);
  const server = core.inventory()?.servers.find((item) => item.name === name);
  const exemptions = [...core.state.exemptions.values()].filter(
    ({ servers }) => servers === undefined || matches(parseExpression(servers), tags),
  );
  return core.knowledge.shields.flatMap((shield): ExplainAnswer['shields'] => {
    const { id, tier } = shield;
    const own = core.state.stages.get(pairKey(name, id));
    const rides = server !== undefined && standing.rides(server, shield);
    if (!own && !rides) return [];
    const { mode } = standing.settings(name, shield);
    const stage = own?.stage ?? 'observe';
    const kept = !server || isInspectable(server) || server.identity?.uninspected !== 'pass';
    const { exposedSince } = core.state.servers.get(name) ?? noServerState;
    return [
      {
        shield: id,
        stage,
        since: timestamp(own?.since ?? exposedSince[id] ?? core.clock.now()),
        why: own?.why ?? 'it rides along: callers are steered for another shield',
        mode,
        cover: coverOf({ tier, stage, mode, byGate: isByGateAlone(shield), rides, kept }),
        exemptions: exemptions
          .filter((one) => one.shield === id)
          .map(({ id: exemption, owner, expires }) => ({ id: exemption, owner, expires })),
      },
    ];
  });
}

type Target = {
  readonly plan: AgentPlan;
  readonly service: ProtectedService;
  readonly layers: readonly Layer[];
  /** As rules name it. */
  readonly kind: string;
  readonly port: number;
};

/**
 * A protected service as its host's agent judges it: an API server by its name or an address of it, another service by its
 * name (`kubelet/node-1`) or its `address:port`; or what is named `service` at a server, a host or an address.
 */
function targetOf(core: Core, { inventory, observed }: CompileInput, to: string, service?: string): Target {
  const at = endpointOf(to);
  const server = inventory.servers.find(
    ({ name, address, port, also }) =>
      name === to || (at && [{ address, port }, ...also].some((endpoint) => isAt(endpoint, at))),
  );
  const host = server
    ? inventory.hosts.find(({ name }) => name === server.host)
    : inventory.hosts.find(
        ({ name, addresses }) =>
          name === to || to.endsWith(`/${name}`) || (at && addresses.includes(at.address)),
      );
  const plan = host && core.plan('agent', host.name)?.plan;
  if (host && plan?.kind === 'agent') {
    const found =
      service === undefined
        ? plan.services.find(
            (each) =>
              each.server === (server?.name ?? to) ||
              (!server && at?.port && each.endpoints.some((endpoint) => isAt(endpoint, at))),
          )
        : serviceAt(inventory, plan, { host, server, service });
    if (found) return target(inventory, observed, plan, host, found);
  }
  if (service !== undefined && host)
    throw new Failure('unknown-server', `nothing at host '${host.name}' is protected as '${service}'`, {
      hint: `${plan?.kind === 'agent' ? `its agent judges ${protectedAt(inventory, plan, host)}` : 'it has no agent'}; everything else passes as far as Portcullis is concerned`,
    });
  throw new Failure('unknown-server', `no server or protected service is called '${to}', or is there`, {
    hint: 'give the name of a server, an address of it, address:port, a service and its host (kubelet/node-1), or a host and a service',
  });
}

function target(
  inventory: Inventory,
  observed: CompileInput['observed'],
  plan: AgentPlan,
  host: Host,
  service: ProtectedService,
): Target {
  const server = inventory.servers.find(({ name }) => name === service.server);
  const own = [...ownLayers('host', host), ...aboveHost(host, inventory)];
  const layers = (server && serverLayers(inventory, observed).get(server.name)) ?? own;
  const kind = server ? 'api' : kindOf(service);
  return { plan, service, layers, kind, port: server?.port ?? service.endpoints[0]?.port ?? 0 };
}

/** `kubelet` of `kubelet/node-1`. */
function kindOf({ server }: ProtectedService): string {
  return server.slice(0, server.indexOf('/'));
}

/** Of a host's plan what is at the host itself: its API servers, and what else it serves; and its cluster's webhooks. */
function ownServices(inventory: Inventory, plan: AgentPlan, host: Host): readonly ProtectedService[] {
  const servers = new Map(inventory.servers.map(({ name, host: on }) => [name, on]));
  return plan.services.filter(({ server }) => (servers.get(server) ?? host.name) === host.name);
}

/** @throws Failure `bad-request` for a name that means several */
function serviceAt(
  inventory: Inventory,
  plan: AgentPlan,
  {
    host,
    server,
    service,
  }: { readonly host: Host; readonly server: ApiServer | undefined; readonly service: string },
): ProtectedService | undefined {
  const apis = new Set(inventory.servers.map(({ name }) => name));
  const ports = /^[0-9]{1,5}$/.test(service)
    ? [Number(service)]
    : inventory.serviceGroups?.find(({ name }) => name === service)?.ports;
  const fits = (each: ProtectedService): boolean => {
    if (ports) return each.endpoints.some(({ port }) => ports.includes(port));
    return apis.has(each.server) ? service === 'api' : kindOf(each) === service;
  };
  const found = ownServices(inventory, plan, host).filter(fits);
  const [only] = found;
  if (found.length <= 1) return only;
  const named = found.find((each) => each.server === server?.name);
  if (named) return named;
  throw new Failure(
    'bad-request',
    `'${service}' at host '${host.name}' may be ${found.map((each) => each.server).join(' or ')}`,
    { place: 'service', hint: 'name one of them as TO' },
  );
}

function protectedAt(inventory: Inventory, plan: AgentPlan, host: Host): string {
  const names = ownServices(inventory, plan, host).map(
    ({ server, endpoints }) => `${server} (${[...new Set(endpoints.map(({ port }) => port))].join(', ')})`,
  );
  return names.length === 0 ? 'nothing there' : names.join(', ');
}

type Place = { readonly address: string; readonly port: number | undefined };

function isAt(endpoint: Endpoint, { address, port }: Place): boolean {
  return endpoint.address === address && (port === undefined || endpoint.port === port);
}

/** `address`, `address:port`, IPv6 with a port in brackets. */
function endpointOf(text: string): Place | undefined {
  const alone = canonical(text);
  if (alone !== undefined) return { address: alone, port: undefined };
  const [, six, four, port] = /^(?:\[([^\]]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const address = canonical(six ?? four ?? '');
  return address === undefined ? undefined : { address, port: Number(port) };
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
