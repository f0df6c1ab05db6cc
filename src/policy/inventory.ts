// What an inventory must hold beyond its schema: names that exist once, references that lead somewhere, addresses that
// don't contradict each other.
import { contains, parseCidr } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import type { ApiServer, Inventory } from '../model/inventory.ts';
import { type Tag, tagType, tagValue } from '../model/tag.ts';
import { isMultiValued } from './tags.ts';

/**
 * Refuses an inventory that contradicts itself; answers with what is allowed but worth a look, a sentence each.
 * @throws Failure `bad-inventory` whose place is the field: `servers[0].host`
 */
export function checkInventory(inventory: Inventory): string[] {
  const known = checked.get(inventory);
  if (known) return [...known];
  checkNames(inventory);
  checkTags(inventory);
  checkHosts(inventory);
  inventory.servers.forEach((server, i) => {
    checkServer(server, i, inventory);
  });
  checkEndpoints(inventory);
  const sentences = [...serversInGroups(inventory), ...hostsWithoutTier(inventory)];
  checked.set(inventory, sentences);
  return [...sentences];
}

/** Inventories that passed, with what was said: one is compiled anew with every stage and tag, and isn't changed. */
const checked = new WeakMap<Inventory, readonly string[]>();

function refuse(place: string, message: string, hint?: string): Failure {
  return new Failure('bad-inventory', message, { place, ...(hint ? { hint } : {}) });
}

function checkNames(inventory: Inventory): void {
  for (const kind of ['clusters', 'hosts', 'servers', 'groups'] as const) {
    const seen = new Map<string, number>();
    inventory[kind].forEach(({ name }, i) => {
      const other = seen.get(name);
      if (other !== undefined) {
        throw refuse(`${kind}[${i}].name`, `'${name}' is already the name of ${kind}[${other}]`);
      }
      seen.set(name, i);
    });
  }
}

function checkTags(inventory: Inventory): void {
  for (const kind of ['clusters', 'hosts', 'servers', 'groups'] as const) {
    inventory[kind].forEach(({ tags }, i) => {
      checkSingleValues(`${kind}[${i}].tags`, tags);
    });
  }
  // Groups with one and the same prefix are equally near to its addresses: neither value could win.
  const groups = new Map<string, Tag[]>();
  inventory.groups.forEach(({ addresses, tags }, i) => {
    addresses.forEach((address, j) => {
      const others = groups.get(address);
      if (!others) {
        groups.set(address, tags);
        return;
      }
      const all = [...others, ...tags];
      checkSingleValues(`groups[${i}].addresses[${j}]`, all, `another group names ${address} too: `);
      groups.set(address, all);
    });
  });
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
  const owners = new Map<string, string>();
  inventory.hosts.forEach((host, i) => {
    if (host.cluster !== undefined && !clusters.has(host.cluster)) {
      throw refuse(`hosts[${i}].cluster`, `there is no cluster '${host.cluster}'`);
    }
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

function checkServer(server: ApiServer, i: number, inventory: Inventory): void {
  const place = `servers[${i}]`;
  if (!inventory.clusters.some(({ name }) => name === server.cluster)) {
    throw refuse(`${place}.cluster`, `there is no cluster '${server.cluster}'`);
  }
  const host = inventory.hosts.find(({ name }) => name === server.host);
  if (!host) throw refuse(`${place}.host`, `there is no host '${server.host}'`);
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
        throw refuse(place, `port ${server.gatePort} is already the gate port of server '${other.name}'`);
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
  const groups = inventory.groups.map(({ name, addresses }) => ({
    name,
    prefixes: addresses.map((address) => parseCidr(address)),
  }));
  return inventory.servers.flatMap(({ name, address }) => {
    const own = parseCidr(address);
    return groups
      .filter(({ prefixes }) => prefixes.some((prefix) => contains(prefix, own)))
      .map(
        (group) =>
          `group '${group.name}' holds ${address}, the address of server '${name}': what its host doesn't say itself, it inherits from the group`,
      );
  });
}

function hostsWithoutTier(inventory: Inventory): string[] {
  const tiered = (tags: readonly Tag[]): boolean => tags.some((tag) => tagType(tag) === 'tier');
  return inventory.hosts
    .filter((host) => host.cluster !== undefined && !tiered(host.tags))
    .filter((host) => !tiered(inventory.clusters.find(({ name }) => name === host.cluster)?.tags ?? []))
    .filter((host) => !inventory.servers.some((server) => server.host === host.name))
    .map(
      (host) =>
        `host '${host.name}' of cluster '${host.cluster}' has no tier: only tier=node and tier=control-plane count as the cluster's own traffic`,
    );
}
