// The policy compiler: inventory + policy + stages → plans for agents and gates.
import { parseCidr } from '../base/cidr.ts';
import type { Endpoint, Stage } from '../model/common.ts';
import type { Exemption } from '../model/exemption.ts';
import type { Host, Inventory } from '../model/inventory.ts';
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
import { addressBook } from './address-book.ts';
import { type AddressSet, addressSet, nobody, toCidrTexts } from './address-set.ts';
import { closedServices } from './closed-services.ts';
import { hostsOfClusters } from './cluster-hosts.ts';
import { exemptionExpressions, gateExemptions } from './exemptions.ts';
import { endpointsOf, listenerOf, sharedOf } from './gate-listener.ts';
import { serviceGroups } from './groups.ts';
import { hostServices } from './host-services.ts';
import { covers, type JudgedService, passedBy, requireOwnPorts, requirePass, show } from './invariants.ts';
import { checkInventory } from './inventory.ts';
import { requireSize } from './limits.ts';
import { partTags } from './parts.ts';
import {
  bareHosts,
  breakGlassWarnings,
  gapWarnings,
  unheededRules,
  unwatchedHosts,
} from './plan-warnings.ts';
import { requireReferences } from './references.ts';
import type { ServiceGroups } from './rule-ends.ts';
import { peopleRules, planRule, serverRules } from './rules.ts';
import { serviceIds } from './service-id.ts';
import { type HandMode, settingsExpressions, shieldSettings } from './shield-settings.ts';
import { type ServerStages, serverStages } from './stages.ts';
import { serverHosts, serverTags } from './tags.ts';
import { enforceableStages, isInspectable, opensWithoutGate, withoutSteering } from './uninspected.ts';
import { namedEndpoints, proxiedWays, requireNoBypass, waysIn } from './ways-in.ts';
import { checkNames, rulesInForce } from './written-rules.ts';

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
 * @throws Failure `bad-inventory`, `bad-policy`, `bad-expression`, `unknown-name`, `unknown-shield`, `plan-locks-out`, `plan-bypassed`, `plan-too-large`, `bad-address`
 */
export function compile(input: CompileInput): CompiledPlans {
  const { inventory, policy, controllers } = input;
  const warnings = checkInventory(inventory);
  checkNames(policy);
  const written = rulesInForce(policy, input.expired);
  requireReferences(inventory, written, [
    ...settingsExpressions(policy),
    ...exemptionExpressions(input.exemptions ?? []),
  ]);
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
    warnings.push(...breakGlassWarnings(result, stages), ...gapWarnings(server, standing));
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

function hostAddresses(inventory: Inventory, names: readonly string[]): AddressSet {
  return addressesOf(inventory.hosts.filter(({ name }) => names.includes(name)));
}

function addressesOf(hosts: readonly Host[]): AddressSet {
  return addressSet(hosts.flatMap(({ addresses }) => addresses).map((text) => parseCidr(text)));
}

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
