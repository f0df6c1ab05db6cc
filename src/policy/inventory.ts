// What an inventory must hold beyond its schema: names that exist once, references that lead somewhere, addresses that
// don't contradict each other.
import { type Cidr, contains, parseCidr } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import type { ApiServer, Host, Inventory } from '../model/inventory.ts';
import { type Tag, tagType, tagValue } from '../model/tag.ts';
import { sameNames } from './address-classes.ts';
import { groupMembers } from './groups.ts';
import { parsePart } from './part-name.ts';
import { serviceKinds } from './rule-ends.ts';
import { hostLayers, isMultiValued, serverHosts } from './tags.ts';

/**
 * Refuses an inventory that contradicts itself; answers with what is allowed but worth a look, a sentence each.
 * @throws Failure `bad-inventory` whose place is the field: `servers[0].host`
 */
export function checkInventory(inventory: Inventory): string[] {
  const known = checked.get(inventory);
  if (known) return [...known];
  const named = lastNamed !== undefined && sameNames(lastNamed, inventory);
  checkNames(inventory, named ? otherKinds : kinds);
  checkServiceGroups(inventory);
  checkPartNames(inventory);
  checkPlaces(inventory);
  checkTags(inventory);
  groupMembers(inventory);
  checkHosts(inventory);
  if (!named) checkAddresses(inventory);
  lastNamed = { hosts: inventory.hosts, groups: inventory.groups };
  const hosts = serverHosts(inventory);
  inventory.servers.forEach((server, i) => {
    checkServer(server, i, inventory, hosts.get(server.host));
  });
  checkEndpoints(inventory);
  const sentences = [...serversInGroups(inventory), ...hostsWithoutTier(inventory)];
  checked.set(inventory, sentences);
  return [...sentences];
}

/** Names and addresses of the inventory before, which passed: most changes leave them as they are. */
let lastNamed: Pick<Inventory, 'hosts' | 'groups'> | undefined;
const otherKinds = ['sites', 'clusters', 'servers', 'serviceGroups'] as const;
const kinds = [...otherKinds, 'hosts', 'groups'] as const;

/** Inventories that passed, with what was said: one is compiled anew with every stage and tag, and isn't changed. */
const checked = new WeakMap<Inventory, readonly string[]>();

function refuse(place: string, message: string, hint?: string): Failure {
  return new Failure('bad-inventory', message, { place, ...(hint ? { hint } : {}) });
}

function checkNames(inventory: Inventory, wanted: readonly (typeof kinds)[number][]): void {
  for (const kind of wanted) {
    const seen = new Map<string, number>();
    inventory[kind]?.forEach(({ name }, i) => {
      const other = seen.get(name);
      if (other !== undefined) {
        throw refuse(`${kind}[${i}].name`, `'${name}' is already the name of ${kind}[${other}]`);
      }
      seen.set(name, i);
    });
  }
}

/** A service group must not hide one of the services that have a name of their own. */
function checkServiceGroups(inventory: Inventory): void {
  inventory.serviceGroups?.forEach(({ name }, i) => {
    if (!serviceKinds.has(name)) return;
    throw refuse(`serviceGroups[${i}].name`, `'${name}' is a service that Portcullis knows by itself`);
  });
}

/** Parts of hosts and clusters have names of their own, by which stages and records know them. */
function checkPartNames(inventory: Inventory): void {
  inventory.servers.forEach(({ name }, i) => {
    const part = parsePart(name);
    if (!part) return;
    const things = part.kind === 'host' ? inventory.hosts : inventory.clusters;
    if (!things.some((thing) => thing.name === part.of)) return;
    throw refuse(
      `servers[${i}].name`,
      `'${name}' is the name of the ${part.component} of ${part.kind} '${part.of}'`,
      'call the server something else',
    );
  });
}

function checkPlaces(inventory: Inventory): void {
  const sites = new Set(inventory.sites?.map(({ name }) => name));
  for (const kind of ['clusters', 'hosts'] as const) {
    inventory[kind].forEach(({ name, site }, i) => {
      if (site !== undefined && !sites.has(site))
        throw refuse(`${kind}[${i}].site`, `there is no site '${site}' for ${kind.slice(0, -1)} '${name}'`);
    });
  }
}

function checkTags(inventory: Inventory): void {
  for (const kind of ['sites', 'clusters', 'hosts', 'servers', 'groups'] as const) {
    inventory[kind]?.forEach(({ tags, imported = [] }, i) => {
      if (tags.length > 1) checkSingleValues(`${kind}[${i}].tags`, tags);
      if (imported.length > 1) checkSingleValues(`${kind}[${i}].imported`, imported);
    });
  }
  // Groups with one and the same prefix are equally near to its addresses: neither value could win.
  for (const { address, groups } of sharedPrefixes(inventory)) {
    let all: Tag[] = [];
    for (const [i, j] of groups) {
      const { tags = [], imported = [] } = inventory.groups[i] ?? {};
      all = [...all, ...tags, ...imported];
      checkSingleValues(`groups[${i}].addresses[${j}]`, all, `another group names ${address} too: `);
    }
  }
}

type Shared = readonly {
  readonly address: string;
  readonly groups: readonly (readonly [number, number])[];
}[];
let lastShared: { readonly of: Pick<Inventory, 'hosts' | 'groups'>; readonly shared: Shared } | undefined;

/** Prefixes that several groups name, with the places of the groups and of the prefix in each. */
function sharedPrefixes(inventory: Inventory): Shared {
  if (lastShared && sameNames(lastShared.of, inventory)) return lastShared.shared;
  const first = new Map<string, readonly [number, number]>();
  const found = new Map<string, (readonly [number, number])[]>();
  inventory.groups.forEach(({ addresses }, i) => {
    addresses.forEach((address, j) => {
      const before = first.get(address);
      if (!before) first.set(address, [i, j]);
      else found.set(address, [...(found.get(address) ?? [before]), [i, j]]);
    });
  });
  const shared = [...found].map(([address, groups]) => ({ address, groups }));
  lastShared = { of: { hosts: inventory.hosts, groups: inventory.groups }, shared };
  return shared;
}

function checkSingleValues(place: string, tags: readonly Tag[], before = ''): void {
  const values = new Map<string, string>();
  for (const tag of tags) {
    if (isMultiValued(tagType(tag))) continue;
    const other = values.get(tagType(tag));
    if (other !== undefined && other !== tagValue(tag)) {
      throw refuse(
        place,
        `${before}'${tagType(tag)}' can't be both '${other}' and '${tagValue(tag)}'`,
        'only label and cve take several values',
      );
    }
    values.set(tagType(tag), tagValue(tag));
  }
}

function checkHosts(inventory: Inventory): void {
  const clusters = new Set(inventory.clusters.map(({ name }) => name));
  inventory.hosts.forEach((host, i) => {
    if (host.cluster !== undefined && !clusters.has(host.cluster)) {
      throw refuse(`hosts[${i}].cluster`, `there is no cluster '${host.cluster}' for host '${host.name}'`);
    }
  });
}

function checkAddresses(inventory: Inventory): void {
  const owners = new Map<string, string>();
  inventory.hosts.forEach((host, i) => {
    host.addresses.forEach((address, j) => {
      const place = `hosts[${i}].addresses[${j}]`;
      checkUsable(place, address);
      const owner = owners.get(address);
      if (owner !== undefined && owner !== host.name) {
        throw refuse(place, `${address} is already an address of host '${owner}'`);
      }
      owners.set(address, host.name);
    });
  });
}

const unusable = ['0.0.0.0', '::', '224.0.0.0/4', '255.255.255.255', 'ff00::/8'].map((text) =>
  parseCidr(text),
);

/** Unspecified, broadcast and multicast addresses are nobody's. */
function checkUsable(place: string, address: string): void {
  const parsed = parseCidr(address);
  if (unusable.some((prefix) => contains(prefix, parsed))) {
    throw refuse(place, `${address} can't be the address of a machine`);
  }
}

function checkServer(server: ApiServer, i: number, inventory: Inventory, host: Host | undefined): void {
  const place = `servers[${i}]`;
  if (!inventory.clusters.some(({ name }) => name === server.cluster)) {
    throw refuse(`${place}.cluster`, `there is no cluster '${server.cluster}' for server '${server.name}'`);
  }
  if (!host) throw refuse(`${place}.host`, `there is no host '${server.host}' for server '${server.name}'`);
  if (host.cluster !== undefined && host.cluster !== server.cluster) {
    throw refuse(
      `${place}.cluster`,
      `server '${server.name}' is of cluster '${server.cluster}', but its host '${host.name}' of '${host.cluster}'`,
    );
  }
  if (!host.addresses.includes(server.address)) {
    throw refuse(
      `${place}.address`,
      `${server.address} is not an address of host '${host.name}' (${host.addresses.join(', ')})`,
      'a load balancer or service address belongs under also',
    );
  }
  server.also.forEach(({ address }, j) => {
    checkUsable(`${place}.also[${j}].address`, address);
  });
}

/** Who listens where: no endpoint and no gate port may be two things. */
function checkEndpoints(inventory: Inventory): void {
  const primary = new Map<string, string>();
  inventory.servers.forEach((server, i) => {
    const key = `${server.address} port ${server.port}`;
    const other = primary.get(key);
    if (other !== undefined) {
      throw refuse(`servers[${i}].address`, `${key} is already the endpoint of server '${other}'`);
    }
    primary.set(key, server.name);
  });
  checkShared(inventory, primary);
  checkGatePorts(inventory);
}

/** A load balancer or service address may lead to several servers of one cluster, on different hosts; nothing else may. */
function checkShared(inventory: Inventory, primary: ReadonlyMap<string, string>): void {
  const shared = new Map<string, ApiServer[]>();
  inventory.servers.forEach((server, i) => {
    server.also.forEach(({ address, port }, j) => {
      const place = `servers[${i}].also[${j}]`;
      const key = `${address} port ${port}`;
      const owner = primary.get(key);
      if (owner !== undefined && owner !== server.name) {
        throw refuse(place, `${key} is the endpoint of server '${owner}'`);
      }
      const others = shared.get(key) ?? [];
      for (const other of others) {
        if (other.name === server.name) continue;
        if (other.cluster !== server.cluster) {
          throw refuse(place, `${key} also leads to server '${other.name}' of another cluster`);
        }
        if (other.host === server.host) {
          throw refuse(place, `${key} also leads to server '${other.name}' on the same host`);
        }
      }
      shared.set(key, [...others, server]);
    });
  });
}

function checkGatePorts(inventory: Inventory): void {
  inventory.servers.forEach((server, i) => {
    const place = `servers[${i}].gatePort`;
    const here = inventory.hosts.find(({ name }) => name === server.host)?.addresses ?? [];
    for (const other of inventory.servers) {
      if (other.host !== server.host) continue;
      if (other.name !== server.name && other.gatePort === server.gatePort) {
        const names = server.gateNames ?? [];
        const both = names.filter((name) => other.gateNames?.includes(name));
        if (both.length > 0) {
          throw refuse(`servers[${i}].gateNames`, `'${both[0]}' is already a name of server '${other.name}'`);
        }
        // Told apart by the name that callers ask for.
        if (names.length > 0 && other.gateNames?.length) continue;
        throw refuse(
          place,
          `port ${server.gatePort} is already the gate port of server '${other.name}'`,
          'choose a free port, or give both servers gateNames',
        );
      }
      const local = other.also.filter(({ address }) => here.includes(address));
      if ([other.port, ...local.map(({ port }) => port)].includes(server.gatePort)) {
        const whose = other.name === server.name ? 'the server itself' : `server '${other.name}'`;
        throw refuse(place, `port ${server.gatePort} is where ${whose} listens`, 'choose a free port');
      }
    }
  });
}

function serversInGroups(inventory: Inventory): string[] {
  return inventory.servers.flatMap(({ name, address }) => {
    const own = parseCidr(address);
    return inventory.groups
      .filter(({ addresses }) => addresses.some((prefix) => holds(prefix, own)))
      .map(
        (group) =>
          `group '${group.name}' holds ${address}, the address of server '${name}': what its host doesn't say itself, it inherits from the group`,
      );
  });
}

/** Most prefixes are single addresses, which need no parsing: their canonical text is the address. */
function holds(prefix: string, own: Cidr): boolean {
  return prefix.includes('/') ? contains(parseCidr(prefix), own) : prefix === own.text;
}

function hostsWithoutTier(inventory: Inventory): string[] {
  const tiered = (tags: readonly Tag[]): boolean => tags.some((tag) => tagType(tag) === 'tier');
  const running = new Set(inventory.servers.map(({ host }) => host));
  return inventory.hosts
    .filter((host) => host.cluster !== undefined && !running.has(host.name))
    .filter((host) => !hostLayers(host, inventory).some(tiered))
    .map(
      (host) =>
        `host '${host.name}' of cluster '${host.cluster}' has no tier: only tier=node and tier=control-plane count as the cluster's own traffic`,
    );
}
