// What no plan may do: lock out the people, nodes and controllers that a cluster and its shields live by.
import { Failure } from '../base/failure.ts';
import type { Endpoint } from '../model/common.ts';
import type { ApiServer } from '../model/inventory.ts';
import type { Verdict } from '../model/policy.ts';
import { type AddressSet, intersect, isEmpty, subtract, toCidrTexts } from './address-set.ts';
import type { PeopleRule, Rule } from './rules.ts';

/** A compiled service as the invariants see it, before addresses become text. */
export type JudgedService = {
  readonly server: ApiServer;
  /** Addresses of the host that it runs on. */
  readonly hostAddresses: readonly string[];
  readonly endpoints: readonly Endpoint[];
  readonly rules: readonly Rule[];
  readonly default: Verdict;
  readonly people: readonly PeopleRule[];
};

/** A path that must stay open into a service. */
export type NeededPath = {
  /** `nodes and control-plane hosts`: who needs it, for the message. */
  readonly who: string;
  readonly from: AddressSet;
  /** How a person opens it. */
  readonly hint: string;
};

/** What decides about callers of one service, by its name. */
export type Judgement = Pick<JudgedService, 'rules' | 'default' | 'people'> & {
  readonly server: { readonly name: string };
};

/** @throws Failure `plan-locks-out` unless every one of the callers is passed */
export function requirePass(service: Judgement, path: NeededPath): void {
  let left = path.from;
  for (const rule of service.rules) {
    const hit = intersect(left, rule.from);
    if (isEmpty(hit)) continue;
    if (rule.verdict !== 'pass') throw lockedOut(service, path, hit, rule.id, rule.verdict);
    left = subtract(left, rule.from);
  }
  if (!isEmpty(left) && service.default !== 'pass') {
    throw lockedOut(service, path, left, 'default', service.default);
  }
}

/** Of the callers `from`, those that a service passes by the rule `id`. */
export function passedBy(service: JudgedService, id: string): AddressSet {
  const at = service.rules.findIndex((rule) => rule.id === id);
  const rule = service.rules[at];
  if (rule?.verdict !== 'pass') return { 4: [], 6: [] };
  return service.rules
    .slice(0, at)
    .filter(({ verdict }) => verdict !== 'pass')
    .reduce((left, { from }) => subtract(left, from), rule.from);
}

/** Ports of a control-plane host that must never come under a policy for API servers. */
const otherPorts: ReadonlyMap<number, string> = new Map([
  [22, 'SSH'],
  [2379, 'etcd, which the API server needs'],
  [2380, 'etcd between its members'],
  [10250, 'the kubelet, which the API server needs'],
]);

/**
 * A gate port is guarded at every address of its host.
 * @throws Failure `plan-locks-out` for an endpoint or gate port that belongs to something else
 */
export function requireOwnPorts(service: JudgedService, controllers: readonly Endpoint[]): void {
  const { server, hostAddresses } = service;
  for (const { address, port } of service.endpoints) {
    const owner = otherPorts.get(port);
    if (owner === undefined) continue;
    throw new Failure(
      'plan-locks-out',
      `${show({ address, port })} of server '${server.name}' is the port of ${owner}: a shield on it would close that`,
      { place: `server ${server.name}`, hint: 'name the port of the API server' },
    );
  }
  const gateOwner = otherPorts.get(server.gatePort);
  if (gateOwner !== undefined) {
    throw new Failure(
      'plan-locks-out',
      `${server.gatePort} of server '${server.name}' is the port of ${gateOwner}: its guard would close that`,
      { place: `server ${server.name}: gatePort`, hint: 'choose another gatePort' },
    );
  }
  for (const controller of controllers) {
    if (!hostAddresses.includes(controller.address) || controller.port !== server.gatePort) continue;
    throw new Failure(
      'plan-locks-out',
      `the gate of server '${server.name}' would take ${show(controller)}, where agents reach the controller`,
      { place: `server ${server.name}: gatePort`, hint: 'choose another gatePort' },
    );
  }
}

/** Is this endpoint judged by the service: named, or the port of a named one at another address of the host? */
export function covers({ endpoints, hostAddresses }: JudgedService, { address, port }: Endpoint): boolean {
  return endpoints.some(
    (endpoint) =>
      endpoint.port === port &&
      (endpoint.address === address ||
        (hostAddresses.includes(endpoint.address) && hostAddresses.includes(address))),
  );
}

export function show({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function lockedOut(
  service: Judgement,
  path: NeededPath,
  who: AddressSet,
  ruleId: string,
  verdict: Verdict,
): Failure {
  const texts = toCidrTexts(who);
  const some = `${texts.slice(0, 3).join(', ')}${texts.length > 3 ? ` and ${texts.length - 3} more` : ''}`;
  const written = service.people.find(({ rule }) => `policy/${rule.id}` === ruleId);
  return new Failure(
    'plan-locks-out',
    `${path.who} (${some}) → server '${service.server.name}' would be closed: rule '${ruleId}' says ${verdict}`,
    { place: `policy: ${written?.place ?? 'default'}`, hint: path.hint },
  );
}
