// The policy compiler: inventory + policy + stages → plans for agents and gates.
import { parseCidr } from '../base/cidr.ts';
import type { Endpoint, Stage } from '../model/common.ts';
import type { Exemption, GateExemption } from '../model/exemption.ts';
import type { ApiServer, Host, Inventory } from '../model/inventory.ts';
import type {
  AddressTags,
  AgentPlan,
  GateListener,
  GatePlan,
  KeepOpen,
  ProtectedService,
} from '../model/plan.ts';
import type { Policy } from '../model/policy.ts';
import type { Shield } from '../model/shield.ts';
import type { Tag } from '../model/tag.ts';
import { type AddressBook, addressBook } from './address-book.ts';
import {
  type AddressSet,
  addressSet,
  everybody,
  intersect,
  isEmpty,
  nobody,
  subtract,
  toCidrTexts,
  union,
} from './address-set.ts';
import { closedServices } from './closed-services.ts';
import { hostsOfClusters } from './cluster-hosts.ts';
import { gateExemptions } from './exemptions.ts';
import { matches, parseExpression } from './expression.ts';
import { gateShield } from './gate-shield.ts';
import { serviceGroups } from './groups.ts';
import { hostServiceNames, hostServices } from './host-services.ts';
import { covers, type JudgedService, passedBy, requireOwnPorts, requirePass, show } from './invariants.ts';
import { checkInventory } from './inventory.ts';
import { requireSize } from './limits.ts';
import { partTags } from './parts.ts';
import { requireReferences } from './references.ts';
import { endsOf, type ServiceGroups } from './rule-ends.ts';
import { peopleRules, planRule, type Rule, serverRules } from './rules.ts';
import { serviceIds } from './service-id.ts';
import { type EffectiveSettings, type HandMode, shieldSettings } from './shield-settings.ts';
import { type ServerStages, serverStages } from './stages.ts';
import { serverHosts, serverTags } from './tags.ts';
import {
  enforceableStages,
  inspectionGap,
  isInspectable,
  opensWithoutGate,
  withoutSteering,
} from './uninspected.ts';
import { namedEndpoints, proxiedWays, requireNoBypass, waysIn } from './ways-in.ts';
import { checkNames, rulesInForce, type WrittenRule } from './written-rules.ts';

export type CompileInput = {
  readonly inventory: Inventory;
  readonly policy: Policy;
  readonly shields: readonly Shield[];
  /** Observed tags by server name. */
  readonly observed: ReadonlyMap<string, readonly Tag[]>;
  /** Where each shield stands for each server. A pair that is not named stands at `observe`. */
  readonly stages: readonly { readonly server: string; readonly shield: string; readonly stage: Stage }[];
  /** Where agents reach the controller. */
  readonly controllers: readonly Endpoint[];
  /** Addresses from which the controller probes servers. */
  readonly probers: readonly string[];
  /**
   * Hosts that have an agent, beside those that servers run on. A node's agent judges what the node forwards under its
   * own address, which a server's agent can't tell from the node itself. Left out: there are none, and nobody is warned.
   */
  readonly enrolled?: readonly string[];
  /** Keys of the rules that have expired (written-rules.ts). */
  readonly expired?: ReadonlySet<string>;
  /** Modes that people set for a shield at a server. */
  readonly modes?: readonly HandMode[];
  /** In force: without those that have expired. */
  readonly exemptions?: readonly Exemption[];
  /** By server: how often a person asked that open connections be cut. */
  readonly cuts?: ReadonlyMap<string, number>;
};

export type AgentPlanBody = Omit<AgentPlan, 'generation' | 'issuedAt'>;
export type GatePlanBody = Omit<GatePlan, 'generation' | 'issuedAt'>;

export type CompiledPlans = {
  /** By host name, which is the agent's name: every host that a server runs on, and enrolled hosts of their clusters. */
  readonly agents: ReadonlyMap<string, AgentPlanBody>;
  /** By host name, which is the gate's name: every host that a server runs on. Without listeners while none is needed. */
  readonly gates: ReadonlyMap<string, GatePlanBody>;
  /** What is allowed but worth a look, a sentence each. */
  readonly warnings: readonly string[];
};

/** One server, compiled: what its agent and its gate are told, and what the invariants judge. */
type Compiled = JudgedService & {
  readonly stages: ServerStages;
  readonly service: ProtectedService;
  readonly listener: GateListener | undefined;
};

/**
 * Deterministic: equal input gives equal canonical JSON. Rules stand in the order that rules.ts describes.
 * @throws Failure `bad-inventory`, `bad-policy`, `bad-expression`, `unknown-shield`, `plan-locks-out`, `plan-bypassed`, `plan-too-large`, `bad-address`
 */
export function compile(input: CompileInput): CompiledPlans {
  const { inventory, policy, controllers } = input;
  const warnings = checkInventory(inventory);
  checkNames(policy);
  const written = rulesInForce(policy, input.expired);
  requireReferences(inventory, written);
  const book = addressBook(inventory);
  const groups: ServiceGroups = serviceGroups(inventory);
  const tags = serverTags(inventory, input.observed);
  const probers = addressSet(input.probers.map((text) => parseCidr(text)));
  const ids = serviceIds(inventory.servers.map(({ name }) => name));
  const servers = [...inventory.servers].sort((a, b) => (a.name < b.name ? -1 : 1));
  const hosts = hostsOfClusters(inventory);
  warnings.push(...unheededRules(written, book, tags));

  const compiled = servers.map((server): Compiled => {
    const own = tags.get(server.name) ?? [];
    const settings = new Map(
      input.shields.map((shield) => [
        shield.id,
        shieldSettings(shield, { name: server.name, tags: own }, policy, input.modes ?? []),
      ]),
    );
    const observed = input.observed.get(server.name) ?? [];
    const standing = serverStages(server.name, input.stages, input.shields, {
      modeOf: ({ id }) => settings.get(id)?.mode ?? 'enforce',
      exposed: ({ id }) => observed.includes(`cve=${id}`),
      observe: policy.response.observe === 'gate',
    });
    const stages = enforceableStages(server, standing);
    const people = peopleRules(written, book, groups, {
      name: server.name,
      tags: own,
      service: 'api',
      port: server.port,
    });
    const clusterHosts = addressesOf(hosts.get(server.cluster) ?? []);
    const judged = withoutSteering(
      server,
      serverRules({ policy, book, stages, people, probers, clusterHosts }),
    );
    const result: Compiled = {
      server,
      hostAddresses: inventory.hosts.find(({ name }) => name === server.host)?.addresses ?? [],
      people,
      stages,
      endpoints: endpointsOf(server),
      rules: judged.rules,
      default: judged.default,
      service: {
        id: ids.get(server.name) ?? '',
        server: server.name,
        stage: stages.stage,
        endpoints: endpointsOf(server),
        ...(isInspectable(server) ? { gatePort: server.gatePort } : {}),
        ...(opensWithoutGate(server) ? { gateDown: 'open' as const } : {}),
        rules: judged.rules.map(planRule),
        default: judged.default,
      },
      listener:
        stages.gate || judged.rules.some(({ verdict }) => verdict === 'steer')
          ? listenerOf(server, stages, own, sharedOf(server, judged), {
              settings,
              exemptions: gateExemptions(input.exemptions ?? [], own, book),
              cut: input.cuts?.get(server.name),
            })
          : undefined,
    };
    requireOwnPorts(result, controllers);
    requireOpen(result, inventory, probers, clusterHosts, controllers);
    warnings.push(...breakGlassWarnings(result), ...gapWarnings(server, standing));
    return result;
  });

  const agents = new Map<string, AgentPlanBody>();
  const gates = new Map<string, GatePlanBody>();
  const enrolled = new Set(input.enrolled);
  const withServers = [...new Set(servers.map((server) => server.host))].sort();
  const servingHosts = serverHosts(inventory);
  const closed = closedServices(
    input.stages,
    input.shields,
    new Set(inventory.servers.map(({ name }) => name)),
    (part, name, shield) =>
      shieldSettings(shield, { name, tags: partTags(part, inventory) }, policy, input.modes ?? []).mode,
    ({ kind, of }) => inventory[kind === 'host' ? 'hosts' : 'clusters'].some(({ name }) => name === of),
  );
  const others = hostServices({ inventory, members: hosts, written, book, groups, controllers, closed });
  const plan = (
    host: string,
    clusters: readonly string[],
    judged: Judged,
    tags: readonly AddressTags[],
  ): AgentPlanBody => {
    const own = toCidrTexts(hostAddresses(inventory, [host]));
    const toControllers = controllers.map((to): KeepOpen => ({ name: 'controller', from: own, to }));
    const more = [
      ...(others.own.get(host) ?? []),
      ...clusters.flatMap((name) => others.forwarded.get(name) ?? []),
    ];
    const guarded =
      closed.has(`loopback/${host}`) ||
      inventory.clusters.some(
        ({ name, protect }) => clusters.includes(name) && protect?.includes('loopback'),
      );
    requireSize(host, [...judged.services, ...more]);
    return {
      kind: 'agent',
      target: host,
      services: [...judged.services, ...more],
      keepOpen: [...toControllers, ...judged.keepOpen, ...others.keepOpen(more)],
      addressTags: tags,
      ...(guarded ? { guardLoopback: true } : {}),
    };
  };
  for (const [cluster, members] of hosts) {
    const nodes = members.map(({ name }) => name).filter((name) => !withServers.includes(name));
    const here = compiled.filter(({ server }) => server.cluster === cluster);
    const blind = nodes.filter((name) => !enrolled.has(name));
    if (input.enrolled && here.some(isShielded)) warnings.push(...unwatchedHosts(cluster, blind));
    if (input.enrolled && blind.some((name) => others.own.has(name)))
      warnings.push(...bareHosts(cluster, blind));
    if (blind.length === nodes.length) continue;
    // There may be thousands, and what they are told is the same.
    const judged = judgedAt([], here, input, probers);
    requireNoBypass({ host: undefined, services: judged.services }, here, servingHosts);
    for (const host of nodes.filter((name) => enrolled.has(name))) {
      agents.set(host, plan(host, [cluster], judged, []));
    }
  }
  for (const [name, gaps] of input.enrolled ? proxiedWays(inventory, enrolled) : [])
    warnings.push(...gaps.map((gap) => `server '${name}': ${gap}`));
  for (const host of withServers) {
    const here = compiled.filter(({ server }) => server.host === host);
    const clusters = new Set(here.map(({ server }) => server.cluster));
    const remote = compiled.filter(({ server }) => server.host !== host && clusters.has(server.cluster));
    const judged = judgedAt(here, remote, input, probers);
    requireNoBypass({ host, services: judged.services }, [...here, ...remote], servingHosts);
    agents.set(host, plan(host, [...clusters], judged, book.entries));
    gates.set(host, {
      kind: 'gate',
      target: host,
      listeners: here.flatMap(({ listener }) => listener ?? []),
      addressTags: book.entries,
    });
  }
  return { agents: new Map([...agents].sort(([a], [b]) => (a < b ? -1 : 1))), gates, warnings };
}

type Judged = Pick<AgentPlanBody, 'services' | 'keepOpen'>;

/** The services of a host's own servers, then those of other hosts in the same clusters, for what it forwards to them. */
function judgedAt(
  own: readonly Compiled[],
  remote: readonly Compiled[],
  input: CompileInput,
  probers: AddressSet,
): Judged {
  // A load balancer or service address leads to several servers; one service judges it.
  const taken = new Set(own.flatMap(({ endpoints }) => endpoints.map(show)));
  const services = own.map(({ service }) => service);
  const named = namedEndpoints(input.inventory.servers);
  for (const { server, service, hostAddresses } of remote) {
    // At its own host it is judged at every address. What another host sends to one of them has to be judged there: it
    // arrives under that host's address, as the cluster's own.
    const ways = waysIn(server, hostAddresses, named);
    const endpoints = ways.filter((endpoint) => !taken.has(show(endpoint)));
    for (const endpoint of endpoints) taken.add(show(endpoint));
    services.push({ ...service, endpoints, gateAddresses: [...new Set([server.address, ...hostAddresses])] });
  }
  return { services, keepOpen: keepOpen([...own, ...remote], input, probers) };
}

function isShielded({ stages }: Compiled): boolean {
  return stages.blocking.length + stages.inspecting.length > 0;
}

function bareHosts(cluster: string, hosts: readonly string[]): string[] {
  return [
    `cluster '${cluster}' has hosts without an agent (${someOf(hosts)}): their kubelet and other services stay open to everybody`,
  ];
}

function someOf(hosts: readonly string[]): string {
  return `${hosts.slice(0, 3).join(', ')}${hosts.length > 3 ? ` and ${hosts.length - 3} more` : ''}`;
}

function unwatchedHosts(cluster: string, hosts: readonly string[]): string[] {
  if (hosts.length === 0) return [];
  return [
    `cluster '${cluster}' has hosts without an agent (${someOf(hosts)}): what they forward under their own address, as masqueraded pods, reaches its servers like the hosts themselves, past block and inspect`,
  ];
}

/** Rules that select nobody, or no server: allowed, for tags come and go, but often a slip of the pen. */
function unheededRules(
  rules: readonly WrittenRule[],
  book: AddressBook,
  tags: ReadonlyMap<string, Tag[]>,
): string[] {
  // Every expression is read here, also of rules that speak of no server, so that a broken one never waits unseen.
  return rules.flatMap(({ rule, place, servers }) => {
    if (servers) parseExpression(servers.text, servers.place);
    return endsOf(rule).flatMap(([mine, theirs]) => {
      const service = parseExpression(rule[mine], `${place}.${mine}`);
      const callers = book.select(rule[theirs], `${place}.${theirs}`);
      // Of services beside the API server hosts are meant, not servers.
      if (rule.direction === '<>' || hostServiceNames.has(rule.service ?? 'api')) return [];
      return [
        ...(isEmpty(callers) ? [`rule '${rule.id}': no address matches ${theirs}: ${rule[theirs]}`] : []),
        ...([...tags.values()].some((own) => matches(service, own))
          ? []
          : [`rule '${rule.id}': no server matches ${mine}: ${rule[mine]}`]),
      ];
    });
  });
}

/** Every way to a server that is named, its own first, each once. */
function endpointsOf(server: ApiServer): Endpoint[] {
  const all = [{ address: server.address, port: server.port }, ...server.also];
  return [...new Map(all.map(({ address, port }) => [show({ address, port }), { address, port }])).values()];
}

function hostAddresses(inventory: Inventory, names: readonly string[]): AddressSet {
  return addressesOf(inventory.hosts.filter(({ name }) => names.includes(name)));
}

function addressesOf(hosts: readonly Host[]): AddressSet {
  return addressSet(hosts.flatMap(({ addresses }) => addresses).map((text) => parseCidr(text)));
}

/**
 * The gate listens on every address of its host (IPv4 alone where the server has no IPv6 endpoint, for a kernel may be
 * without IPv6) and reaches the server by the address in its certificate: from the same host that is local traffic,
 * which is never steered.
 */
function listenerOf(
  server: ApiServer,
  stages: ServerStages,
  tags: readonly Tag[],
  shared: GateListener['shared'],
  { settings, exemptions, cut }: Judgement,
): GateListener {
  const six = endpointsOf(server).some(({ address }) => address.includes(':'));
  const shields = [...stages.blocking, ...stages.inspecting, ...stages.riding].sort((a, b) =>
    a.id < b.id ? -1 : 1,
  );
  return {
    server: server.name,
    stage: stages.stage,
    listen: { address: six ? '::' : '0.0.0.0', port: server.gatePort },
    upstream: {
      address: server.address,
      port: server.port,
      serverName: server.probe.serverName ?? server.address,
    },
    shields: shields.map((shield) =>
      gateShield(shield, {
        shadow: stages.shadow.has(shield.id),
        parameters: settings.get(shield.id)?.parameters ?? {},
        exemptions: exemptions(shield),
      }),
    ),
    serverTags: [...tags],
    names: namesOf(server),
    ...(shared ? { shared } : {}),
    ...(server.identity ? { identity: server.identity } : {}),
    ...(server.limits ? { limits: server.limits } : {}),
    ...(cut === undefined ? {} : { cut }),
  };
}

/** What a listener's shields are given. */
type Judgement = {
  readonly settings: ReadonlyMap<string, EffectiveSettings>;
  readonly exemptions: (shield: Shield) => readonly GateExemption[];
  readonly cut: number | undefined;
};

function requireOpen(
  service: JudgedService,
  inventory: Inventory,
  probers: AddressSet,
  clusterHosts: AddressSet,
  controllers: readonly Endpoint[],
): void {
  requirePass(service, {
    who: 'the controller that probes it',
    from: probers,
    hint: "narrow the rule's from so that the controller's addresses are not in it",
  });
  requirePass(service, {
    who: 'nodes and control-plane hosts of its cluster',
    from: clusterHosts,
    hint: "narrow the rule's from, e.g. with AND NOT tier in (node, control-plane), or move it to tier security",
  });
  for (const controller of controllers.filter((endpoint) => covers(service, endpoint))) {
    requirePass(service, {
      who: `agents and gates, whose controller is at ${show(controller)},`,
      from: hostAddresses(
        inventory,
        inventory.servers.map(({ host }) => host),
      ),
      hint: 'let the controller listen on an endpoint of its own, or pass the agents with a rule of tier break-glass',
    });
  }
}

/** Who may come to a server whose gate port others may share: whom its own rules steer or pass. */
function sharedOf(
  server: ApiServer,
  judged: { readonly rules: readonly Rule[]; readonly default: ProtectedService['default'] },
): GateListener['shared'] {
  if (!server.gateNames) return undefined;
  let rest: AddressSet = everybody;
  const callers: AddressSet[] = [];
  for (const { from, verdict } of [...judged.rules, { from: everybody, verdict: judged.default }]) {
    if (verdict === 'steer' || verdict === 'pass') callers.push(intersect(from, rest));
    rest = subtract(rest, from);
  }
  return { names: server.gateNames, callers: toCidrTexts(union(callers)) };
}

/** As callers verify it: outside the cluster by its name or an address, inside by the service's names. */
function namesOf(server: ApiServer): string[] {
  const own = [
    server.probe.serverName ?? server.address,
    ...endpointsOf(server).map(({ address }) => address),
    ...(server.gateNames ?? []),
  ];
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  return [...new Set([...own, ...service, 'kubernetes.default.svc.cluster.local'])];
}

function gapWarnings(server: ApiServer, { inspecting, shadow }: ServerStages): string[] {
  const ids = inspecting.map(({ id }) => id).filter((id) => !shadow.has(id));
  const gap = ids.length > 0 ? inspectionGap(server, ids) : undefined;
  const open = ids.length > 0 && opensWithoutGate(server);
  return [
    ...(gap === undefined ? [] : [`server '${server.name}' is in ${gap}`]),
    ...(open
      ? [
          `server '${server.name}' is open to ${ids.join(', ')} whenever its gate is down (failure.gateDown: open)`,
        ]
      : []),
  ];
}

function breakGlassWarnings({ server, stages, people }: Compiled): string[] {
  if (stages.blocking.length === 0) return [];
  const doors = people.filter(({ rule }) => rule.tier === 'break-glass' && rule.action === 'pass');
  if (doors.some(({ from }) => !isEmpty(from))) return [];
  const why =
    doors.length === 0 ? 'there is no break-glass rule for it' : 'its break-glass rules select nobody';
  return [`server '${server.name}' is blocked and ${why}: nobody outside the cluster can reach it`];
}

function clusterHosts({ rules }: Compiled): AddressSet {
  return rules.find(({ id }) => id === 'portcullis/control-plane')?.from ?? nobody;
}

/** The paths into services that the agent checks again before it applies. */
function keepOpen(
  here: readonly Compiled[],
  { policy, expired }: CompileInput,
  probers: AddressSet,
): KeepOpen[] {
  const paths: KeepOpen[] = [];
  const doors = rulesInForce(policy, expired)
    .map(({ rule }) => rule)
    .filter(({ tier, action }) => tier === 'break-glass' && action === 'pass');
  for (const compiled of here) {
    const needed: [string, AddressSet][] = [
      ['controller-probe', probers],
      ['control-plane', clusterHosts(compiled)],
      ...doors.map(({ id }): [string, AddressSet] => [
        `break-glass/${id}`,
        passedBy(compiled, `policy/${id}`),
      ]),
    ];
    for (const [name, set] of needed) {
      const from = toCidrTexts(set);
      if (from.length === 0) continue;
      for (const to of compiled.endpoints) paths.push({ name, from, to });
    }
  }
  return paths;
}
