// Which tags a thing has in the end, and where each comes from.
import { type Cidr, contains, parseCidr } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import type { TaggedObject } from '../model/api.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Tag } from '../model/tag.ts';
import { addressBook } from './address-book.ts';
import {
  aboveHost,
  clusterLayers,
  effectiveTags,
  type Layer,
  ownLayers,
  serverLayers,
  siteLayers,
} from './tags.ts';

/** Since when a thing itself has a tag: RFC 3339; undefined where that is not known, or it is no matter of time. */
export type TagTimes = (object: string, tag: Tag) => string | undefined;

export type TagReportInput = {
  readonly inventory: Inventory;
  readonly observed: ReadonlyMap<string, readonly Tag[]>;
  readonly times: TagTimes;
};

/**
 * Everything in the inventory, or what `wanted` names: `server/prod/cp-1`, `host/node-1`, a name alone (of every kind),
 * or an address.
 * @throws Failure `unknown-name` when nothing is called so
 */
export function tagReport(input: TagReportInput, wanted: string | undefined): TaggedObject[] {
  if (wanted !== undefined && isAddress(wanted)) return [report(input, addressObject(input, wanted))];
  const named = ({ object }: Described): boolean =>
    wanted === undefined || object === wanted || object.slice(object.indexOf('/') + 1) === wanted;
  const found = describe(input).filter(named);
  if (wanted !== undefined && found.length === 0) {
    throw new Failure('unknown-name', `nothing in the inventory is called '${wanted}'`, {
      hint: 'name a server, host, cluster, site or group, e.g. server/prod/cp-1, or an address',
    });
  }
  return found.map((one) => report(input, one));
}

type Described = { readonly object: string; readonly layers: () => readonly Layer[] };

function describe({ inventory, observed }: TagReportInput): Described[] {
  const servers = serverLayers(inventory, observed);
  return [
    ...[...servers].map(([name, layers]) => ({ object: `server/${name}`, layers: () => layers })),
    ...inventory.hosts.map((host) => ({
      object: `host/${host.name}`,
      layers: () => [nameLayer(host), ...ownLayers('host', host), ...aboveHost(host, inventory)],
    })),
    ...inventory.clusters.map(({ name }) => ({
      object: `cluster/${name}`,
      layers: () => clusterLayers(inventory).get(name) ?? [],
    })),
    ...(inventory.sites ?? []).map(({ name }) => ({
      object: `site/${name}`,
      layers: () => siteLayers(name, inventory),
    })),
    ...inventory.groups.map((group) => ({
      object: `group/${group.name}`,
      layers: () => ownLayers('group', group),
    })),
  ];
}

/** An address has what its host has, then what the groups have that hold it, the longest prefix first. */
function addressObject({ inventory }: TagReportInput, text: string): Described {
  const address = parseCidr(text);
  const host = inventory.hosts.find(({ addresses }) => addresses.includes(address.text));
  const holding = inventory.groups
    .flatMap((group) => group.addresses.map((one) => ({ group, cidr: parseCidr(one) })))
    .filter(({ cidr }) => contains(cidr, address))
    .sort((a, b) => b.cidr.bits - a.cidr.bits || (a.group.name < b.group.name ? -1 : 1));
  const groups = [...new Set(holding.map(({ group }) => group))];
  const layers = () => [
    ...(host ? [nameLayer(host), ...ownLayers('host', host), ...aboveHost(host, inventory)] : []),
    ...groups.flatMap((group) => ownLayers('group', group)),
    ...inventory.groups.filter((group) => isOf(group.name, address, inventory)).map(groupLayer),
  ];
  return { object: `address/${address.text}`, layers };
}

/** Held by the group, or taken as a member. */
function isOf(group: string, { family, first }: Cidr, inventory: Inventory): boolean {
  const set = addressBook(inventory).select(`group=${group}`, 'group');
  return set[family].some((interval) => interval.first <= first && interval.last >= first);
}

function groupLayer({ name }: Inventory['groups'][number]): Layer {
  return { object: `group/${name}`, kind: 'implicit', tags: [`group=${name}`] };
}

function nameLayer({ name, cluster }: Inventory['hosts'][number]): Layer {
  const tags = [...(cluster === undefined ? [] : [`cluster=${cluster}`]), `host=${name}`];
  return { object: `host/${name}`, kind: 'implicit', tags };
}

function report({ times }: TagReportInput, { object, layers }: Described): TaggedObject {
  const all = layers();
  const tags = effectiveTags(all.map((layer) => layer.tags)).flatMap((tag) => {
    const layer = all.find((one) => one.tags.includes(tag));
    if (!layer) return [];
    const since = layer.kind === 'implicit' ? undefined : times(layer.object, tag);
    return [
      {
        tag,
        kind: layer.kind,
        from: layer.object,
        inherited: layer.object !== object,
        ...(layer.source === undefined ? {} : { source: layer.source }),
        ...(since === undefined ? {} : { since }),
      },
    ];
  });
  return { object, tags };
}

function isAddress(text: string): boolean {
  try {
    const { first, last } = parseCidr(text);
    return first === last;
  } catch {
    return false;
  }
}
