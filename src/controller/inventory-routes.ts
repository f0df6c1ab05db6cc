// What people and imports ask about the inventory: tags with where they come from, and bringing in what a source says.
import { Failure } from '../base/failure.ts';
import { TagRequest } from '../model/api.ts';
import { ExportTarget } from '../model/export.ts';
import { type ImportDocument, ImportRequest } from '../model/import.ts';
import { Inventory } from '../model/inventory.ts';
import type { PartFact } from '../model/part.ts';
import { compile } from '../policy/compile.ts';
import { exportPolicy } from '../policy/export/export.ts';
import { mergeImport } from '../policy/import-merge.ts';
import { checkInventory } from '../policy/inventory.ts';
import { retag } from '../policy/retag.ts';
import { tagReport } from '../policy/tag-report.ts';
import { rulesInForce } from '../policy/written-rules.ts';
import { putImported } from './documents.ts';
import type { Route } from './http-server.ts';
import { readers } from './roles.ts';
import { MiB, number, parseBody, person, type Services } from './route-parts.ts';
import { createTagTimes } from './tag-times.ts';

/** Facts of hosts that the inventory knows by another name, by an address that they share, are of that host. */
function hostsAsKnown(
  facts: readonly PartFact[],
  found: ImportDocument,
  inventory: Inventory,
): readonly PartFact[] {
  const names = new Set(inventory.hosts.map(({ name }) => name));
  const owners = new Map(
    inventory.hosts.flatMap(({ name, addresses }) => addresses.map((address) => [address, name])),
  );
  const addresses = new Map(found.hosts.map((host) => [host.name, host.addresses]));
  return facts.map((fact) => {
    const { host } = fact;
    if (host === undefined || names.has(host)) return fact;
    const owner = (addresses.get(host) ?? []).flatMap((address) => owners.get(address) ?? [])[0];
    return owner === undefined ? fact : { ...fact, host: owner };
  });
}

export function inventoryRoutes({ core, reconciler, prober, parts }: Services): readonly Route[] {
  const times = createTagTimes(core);
  return [
    {
      method: 'GET',
      path: '/v1/tags',
      roles: readers,
      handle(call) {
        const inventory = core.compileInput()?.inventory;
        if (!inventory) throw new Failure('no-inventory', 'there is no inventory yet');
        const observed = new Map(
          [...core.state.servers].map(([name, item]) => [name, item.observation?.tags ?? []]),
        );
        const limit = number(call, 'limit', 10_000, 1, 200_000);
        const object = call.query.get('object') ?? undefined;
        const objects = tagReport({ inventory, observed, times }, object);
        return { json: { objects: objects.slice(0, limit), total: objects.length } };
      },
    },
    {
      method: 'POST',
      path: '/v1/tags',
      roles: ['admin'],
      handle(call) {
        const { object, set, remove } = parseBody(TagRequest, call.body);
        const inventory = core.inventory();
        if (!inventory) throw new Failure('no-inventory', 'there is no inventory yet');
        const { tags, added, removed } = retag(inventory, object, set, remove);
        if (added.length + removed.length > 0) {
          const data = { tags: [...tags], added, removed };
          core.decide([{ kind: 'tagged', actor: person(call), subject: object, data }]);
          reconciler.run();
        }
        return { json: { tags, added, removed } };
      },
    },
    {
      method: 'GET',
      path: '/v1/export',
      roles: ['admin'],
      handle(call) {
        const to = parseBody(ExportTarget, call.query.get('to'));
        const input = core.compileInput();
        if (!input) throw new Failure('no-inventory', 'there is no inventory yet');
        const wanted = call.query.get('server');
        const servers = input.inventory.servers.filter(({ name }) => wanted === null || name === wanted);
        if (servers.length === 0) throw new Failure('unknown-server', `there is no server '${wanted}'`);
        const { agents } = compile(input);
        const written = rulesInForce(input.policy, input.expired);
        const inputs = servers.flatMap((server) => {
          const own = agents.get(server.host)?.services.find((one) => one.server === server.name);
          const host = input.inventory.hosts.find(({ name }) => name === server.host);
          return own ? [{ service: own, server, hostAddresses: host?.addresses ?? [], written }] : [];
        });
        return { json: exportPolicy(to, inputs) };
      },
    },
    {
      method: 'POST',
      path: '/v1/import',
      roles: ['admin'],
      maxBody: 32 * MiB,
      handle(call) {
        const { source, found, facts = [], prune, dryRun } = parseBody(ImportRequest, call.body);
        const { inventory, changes, unchanged } = mergeImport(core.inventory(), source, found, prune);
        const next = parseBody(Inventory, inventory, 'bad-inventory');
        checkInventory(next);
        if (dryRun) return { json: { changes: [...changes, ...partChanges(next)], unchanged } };
        putImported(core, next, `user:${call.caller?.name}`, source);
        const ofParts = partChanges(next);
        for (const { cluster, parts: said } of facts)
          parts.observe(cluster, hostsAsKnown(said, found, next), 'import');
        prober.reassess();
        void prober.probe();
        return { json: { changes: [...changes, ...ofParts], unchanged } };

        /** Against the inventory in force: of a dry run, parts of hosts that would be new are not shown. */
        function partChanges(inventory: Inventory) {
          return facts.flatMap(({ cluster, parts: said }) =>
            parts.preview(cluster, hostsAsKnown(said, found, inventory), 'import'),
          );
        }
      },
    },
  ];
}
