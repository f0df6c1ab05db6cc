// Step 2: the flaw is published and the server tagged.
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { receipt } from './observe.ts';
import { startController, startWorker } from './services.ts';
import { type Carried, type Proof, server, shield } from './step.ts';

const heldConnections = 1000;
const heldWatches = 100;

export async function known(lab: Lab, carried: Carried): Promise<Proof> {
  const { security } = lab.range.topology.hosts;
  carried.controller = startController(lab);
  lab.follow();
  await lab.entry('the inventory in force', (entry) => entry.kind === 'inventory');
  carried.agent = await startWorker(lab, 'agent');
  await receipt(lab, 'the agent to enforce its first plan');
  // What the node forwards under its own address only the node's agent can tell from the node itself.
  await startWorker(lab, 'agent', 'node');
  await receipt(lab, "the node's agent to enforce its first plan", { host: 'node' });
  const before = await lab.portcullis<{ servers: { version?: string; tags: string[] }[] }>(
    'security',
    'probe',
  );
  lab.note(`  ${heldConnections} remote connections are opened, ${heldWatches} of them watching`);
  carried.hold = await lab.range.hold('developer', { connections: heldConnections, watches: heldWatches });
  lab.note(`  the advisory ${shield} is published`);
  await lab.portcullis(
    'security',
    'advisories',
    'add',
    join(import.meta.dirname, '../../shields/advisories', `${shield}.json`),
  );
  const tagged = await lab.entry(
    'the tags',
    (entry) => entry.kind === 'tags' && JSON.stringify(entry.data).includes('patch=missing'),
  );
  const status = await lab.status();
  const now = status.servers.find((one) => one.name === server);
  lab.note(`  ${server}: ${now?.exposures.find((one) => one.advisory === shield)?.reason}`);
  const tags = now?.tags ?? [];
  return {
    summary: tags.filter((tag) => /^(k8s-version|cve|patch)=/.test(tag)).join(' '),
    checks: {
      'version read': tags.includes('k8s-version=1.12.2'),
      'flaw tagged': tags.includes(`cve=${shield}`) && tags.includes('patch=missing'),
      'not tagged before the advisory': !(before.servers[0]?.tags ?? []).includes(`cve=${shield}`),
      'connections held': carried.hold.ready.opened === heldConnections,
    },
    probedFrom: security.ipv4,
    tagsBefore: before.servers[0]?.tags ?? [],
    tags,
    exposures: now?.exposures ?? [],
    taggedAt: tagged.at,
    held: carried.hold.ready,
  };
}
