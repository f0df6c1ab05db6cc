// The inventory and the policy that `protect` writes, from what the cluster says of itself.
import { canonicalJson } from '../base/canonical-json.ts';
import { Failure } from '../base/failure.ts';
import { defaultIdentity } from '../model/identity.ts';
import type { Inventory, Probe } from '../model/inventory.ts';
import { Policy } from '../model/policy.ts';
import type { ClusterFacts } from '../platform/kube-cluster.ts';

/**
 * The inventory for one API server on this host. Every address of the host is a way to it: a server listens on all.
 * @param own this host's addresses, without loopback, canonical
 * @throws Failure `not-this-host` when the server is elsewhere: agent and gate must be on its host
 */
export function inventoryOf(
  facts: ClusterFacts,
  own: readonly string[],
  probe: Probe,
  breakGlass: readonly string[],
): Inventory {
  const cluster = slug(facts.cluster);
  const mine = facts.nodes.find((node) => node.addresses.some((address) => own.includes(address)));
  const address = isLoopback(facts.server.address)
    ? mine?.addresses.find((each) => own.includes(each))
    : facts.server.address;
  if (address === undefined || !own.includes(address)) {
    throw new Failure(
      'not-this-host',
      `the API server ${facts.server.address} is not on this host, whose addresses are ${own.join(', ') || 'none'}`,
      {
        hint: "run this on the API server's own host, with a kubeconfig that names the host's address (not a load balancer)",
      },
    );
  }
  const host = mine ? slug(mine.name) : 'this-host';
  const others = facts.nodes.filter((node) => node !== mine && node.addresses.length > 0);
  const theirs = new Set(others.flatMap((node) => node.addresses));
  // Link-local addresses are no names for a machine: every network has the same ones.
  const addresses = own.filter((each) => !theirs.has(each) && !/^(fe[89ab]|169\.254\.)/.test(each));
  const also = addresses
    .filter((each) => each !== address)
    .map((each) => ({ address: each, port: facts.server.port }));
  return {
    apiVersion: 'portcullis/v1',
    clusters: [{ name: cluster, tags: [] }],
    hosts: [
      {
        name: host,
        cluster,
        addresses: [...new Set([address, ...addresses, ...(mine?.addresses ?? [])])],
        tags: ['tier=control-plane'],
      },
      ...others.map((node) => ({
        name: slug(node.name),
        cluster,
        addresses: [...node.addresses],
        tags: [node.controlPlane ? 'tier=control-plane' : 'tier=node'],
      })),
    ],
    servers: [
      {
        name: `${cluster}/${host}`,
        cluster,
        host,
        address,
        port: facts.server.port,
        also: facts.service ? [...also, facts.service] : also,
        gatePort: 16443,
        tags: [],
        probe,
        ...identityOf(facts),
      },
    ],
    groups:
      breakGlass.length > 0
        ? [{ name: 'break-glass', addresses: [...breakGlass], tags: ['label=break-glass'] }]
        : [],
  };
}

/** Said only where it is not what a server has that says nothing. */
function identityOf({ identityHeaders }: ClusterFacts): Pick<Inventory['servers'][number], 'identity'> {
  if (!identityHeaders || canonicalJson(identityHeaders) === canonicalJson(defaultIdentity.headers))
    return {};
  return { identity: { ...defaultIdentity, headers: identityHeaders } };
}

export function policyOf(breakGlass: boolean, observe: boolean): Policy {
  return Policy.parse({
    apiVersion: 'portcullis/v1',
    rules: breakGlass
      ? [
          {
            id: 'break-glass',
            tier: 'break-glass',
            from: 'label=break-glass',
            to: 'any',
            action: 'pass',
            reason: 'named with protect --break-glass',
          },
        ]
      : [],
    response: observe ? { first: 'none', next: 'none' } : {},
  });
}

/** A name of ours from one of theirs: what Name does not hold becomes `-`. */
function slug(text: string): string {
  return (
    text
      .toLowerCase()
      .replace(/[^a-z0-9.-]+/g, '-')
      .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '') || 'cluster'
  );
}

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}
