// From what is read of a node to the plan of its agent, and to the lift when the node is patched.
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { Inventory } from '../model/inventory.ts';
import type { PartFact } from '../model/part.ts';
import type { AgentPlan } from '../model/plan.ts';
import { Policy } from '../model/policy.ts';
import { evaluate } from '../policy/evaluate.ts';
import { cve, type Ground, ground, planOf, type Started } from './testing/ground.ts';

const flaw = 'CVE-2025-0426';
const catalogue = join(import.meta.dirname, '../../shields');

async function prepared(): Promise<Ground> {
  const place = await ground();
  for (const id of [flaw, 'CVE-2025-1974', 'K8S-NODES-PROXY-EXEC']) {
    cpSync(join(catalogue, `${id}.yaml`), join(place.folder, 'shields', `${id}.yaml`));
    cpSync(join(catalogue, `advisories/${id}.json`), join(place.folder, 'advisories', `${id}.json`));
  }
  return place;
}

const withNodes = (yaml: string) =>
  yaml.replace(
    /^(hosts: \[)(.*)\]$/m,
    '$1$2, {name: node-1, cluster: lab, addresses: [10.77.0.9], tags: [tier=node]}, {name: node-2, cluster: lab, addresses: [10.77.0.10], tags: [tier=node]}]',
  );

function facts(...parts: PartFact[]) {
  const found = {
    apiVersion: 'portcullis/v1' as const,
    sites: [],
    clusters: [],
    hosts: [],
    servers: [],
    groups: [],
  };
  return { source: 'nodes', found, facts: [{ cluster: 'lab', parts }], prune: false, dryRun: false };
}
const kubelet = (version: string, more: Partial<PartFact> = {}): PartFact => ({
  component: 'kubelet',
  host: 'node-1',
  version,
  os: 'linux',
  ...more,
});

async function stageOf({ admin }: Started, part: string, id: string): Promise<string | undefined> {
  const { exposures } = await admin.exposure();
  return exposures.find(({ server, advisory }) => server === part && advisory === id)?.stage;
}
const services = (plan: AgentPlan) => plan.services.map(({ server }) => server);

test('a vulnerable kubelet is found, its port is closed, and opened again when it is patched', async () => {
  await using place = await prepared();
  const started = await place.start();
  const { admin } = started;
  await admin.putInventory(Inventory.parse(parse(place.inventory(withNodes))));
  const agent = await started.worker('agent', 'node-1');
  const first = (await planOf(agent)) as AgentPlan;
  assert.deepEqual(services(first), ['api-1']);

  // Only told, for the policy answers nothing below critical by itself.
  const answer = await admin.importInventory(facts(kubelet('v1.31.2')));
  assert.deepEqual(answer.changes, [
    { object: 'kubelet/node-1', change: 'added', details: ['version: v1.31.2'] },
  ]);
  const { exposures, unread } = await admin.exposure();
  const row = exposures.find(({ advisory }) => advisory === flaw);
  assert.equal(row?.server, 'kubelet/node-1');
  assert.deepEqual(
    [row?.component, row?.host, row?.source, row?.status, row?.stage],
    ['kubelet', 'node-1', 'import', 'vulnerable', 'observe'],
  );
  assert.equal(row?.gap, 'nothing stands before it');
  assert.deepEqual([row.cover, row.next], ['waits', { at: 'kubelet/node-1', stage: 'block' }]);
  assert.deepEqual(
    unread.filter((name) => name.startsWith('kubelet/')),
    ['kubelet/cp-1', 'kubelet/node-2'],
  );

  // By a policy that answers such flaws.
  const response = { minSeverity: 'minor' };
  await admin.putPolicy(Policy.parse({ apiVersion: 'portcullis/v1', response }));
  const closed = (await planOf(agent, first.generation)) as AgentPlan;
  assert.deepEqual(services(closed), ['api-1', 'kubelet-read-only/node-1']);
  const service = closed.services[1];
  assert.ok(service);
  assert.deepEqual(evaluate(service, '10.77.0.1'), { verdict: 'drop', rule: `shield/${flaw}/deny` });
  assert.equal(await stageOf(started, 'kubelet/node-1', flaw), 'block');
  const [part] = (await admin.status()).parts.filter(({ name }) => name === 'kubelet/node-1');
  const stands = part?.stages.find(({ shield }) => shield === flaw);
  assert.deepEqual(
    [part?.version, stands?.stage, stands?.cover, stands?.exposed, stands?.troubles],
    ['v1.31.2', 'block', 'acts', true, []],
  );

  // The same again changes nothing; a dry run says what it would.
  assert.deepEqual((await admin.importInventory(facts(kubelet('v1.31.2')))).changes, []);
  const dry = await admin.importInventory({ ...facts(kubelet('v1.31.6')), dryRun: true });
  assert.deepEqual(dry.changes, [
    { object: 'kubelet/node-1', change: 'changed', details: ['version: v1.31.2 → v1.31.6'] },
  ]);
  assert.equal(await stageOf(started, 'kubelet/node-1', flaw), 'block');

  await admin.importInventory(facts(kubelet('v1.31.6')));
  const lifted = (await planOf(agent, closed.generation)) as AgentPlan;
  assert.deepEqual(services(lifted), ['api-1']);
  const entry = await started.entry(({ kind, data }) => kind === 'stage' && data['stage'] === 'lifted');
  assert.equal(entry.subject, 'kubelet/node-1');
  assert.match(String(entry.data['why']), /has the fix, which came with 1\.31\.6/);
  assert.equal(await stageOf(started, 'kubelet/node-1', flaw), undefined);
});

test('what a server says of the day it was built is kept as a hint, also over a new look at the records', async () => {
  await using place = await prepared();
  place.fake.gitVersion = 'v1.12.2-eks-1';
  place.fake.buildDate = '2018-10-24T06:43:59Z';
  const { admin } = await place.start();
  const reason = async () =>
    (await admin.probe({})).servers[0]?.exposures.find(({ advisory }) => advisory === cve)?.reason ?? '';
  assert.match(await reason(), /built on 2018-10-24, before the flaw was published/);
  place.fake.buildDate = 'yesterday';
  assert.doesNotMatch(await reason(), /built/);
});

test('it is a person’s too; what makes no sense is refused', async () => {
  await using place = await prepared();
  const started = await place.start();
  const { admin } = started;
  await admin.putInventory(Inventory.parse(parse(place.inventory(withNodes))));
  await admin.importInventory(facts(kubelet('v1.31.2')));
  const set = (server: string, shield: string, stage: 'block' | 'inspect' = 'block') =>
    admin.setStage({ server, shield, stage, why: 'test' });
  await assert.rejects(set('api-1', flaw), { code: 'bad-request', hint: /kubelet\/HOST/ });
  await assert.rejects(set('api-1', 'CVE-2025-1974'), {
    code: 'bad-request',
    hint: /ingress-nginx\/CLUSTER/,
  });
  await assert.rejects(set('kubelet/node-1', 'CVE-2025-1974'), { code: 'bad-request' });
  await assert.rejects(set('kubelet/node-1', 'K8S-NODES-PROXY-EXEC'), { code: 'bad-request' });
  await assert.rejects(set('kubelet/node-1', flaw, 'inspect'), { code: 'bad-request' });
  await assert.rejects(set('kubelet/node-9', flaw), { code: 'unknown-server' });
  await assert.rejects(admin.importInventory(facts(kubelet('soon'))), { code: 'bad-version' });
  await set('kubelet/node-1', flaw);
  const row = (await admin.exposure()).exposures.find(({ advisory }) => advisory === flaw);
  assert.deepEqual(
    [row?.stage, row?.unenforced, row?.gap],
    ['block', true, 'host node-1 has no agent: nothing is closed there'],
  );
  assert.equal(row?.cover, 'waits');
  const [part] = (await admin.status()).parts.filter(({ name }) => name === 'kubelet/node-1');
  assert.deepEqual(part?.stages.find(({ shield }) => shield === flaw)?.troubles, [
    `${flaw} closes nothing: host node-1 has no agent: nothing is closed there`,
  ]);
  // A person's block of ports is lifted by the fix, as a person's inspect of a server is.
  await admin.importInventory(facts(kubelet('v1.31.6')));
  assert.equal(await stageOf(started, 'kubelet/node-1', flaw), undefined);
  assert.ok(await started.entry(({ kind, data }) => kind === 'stage' && data['stage'] === 'lifted'));
});

test('what is declared counts where nothing was read, and everything outlives a restart', async () => {
  await using place = await prepared();
  const declared = (versions: string) => (yaml: string) =>
    withNodes(yaml)
      .replace('clusters: [{name: lab}]', `clusters: [{name: lab, versions: {ingress-nginx: 1.11.4}}]`)
      .replace('tags: [tier=node]}', `versions: {${versions}}, os: linux, tags: [tier=node]}`);
  let started = await place.start();
  const put = (versions: string) =>
    started.admin.putInventory(Inventory.parse(parse(place.inventory(declared(versions)))));
  const rows = async () =>
    (await started.admin.exposure()).exposures
      .filter(({ component }) => component !== 'kube-apiserver')
      .map(({ server, version, source, advisory }) => [server, version, source, advisory].join(' '));
  await put('kubelet: v1.30.2');
  const ingress = 'ingress-nginx/lab 1.11.4 declared CVE-2025-1974';
  assert.deepEqual(await rows(), [ingress, `kubelet/node-1 v1.30.2 declared ${flaw}`]);
  // Critical: closed at once, though nobody said where it listens.
  const { exposures } = await started.admin.exposure();
  const critical = exposures.find(({ advisory }) => advisory === 'CVE-2025-1974');
  assert.deepEqual([critical?.stage, critical?.unenforced], ['block', true]);
  assert.match(critical?.gap ?? '', /say ingressAdmission for cluster lab/);
  await put('kubelet: v1.30.9');
  assert.deepEqual(await rows(), [ingress, `kubelet/node-1 v1.30.9 declared ${flaw}`]);
  await started.admin.importInventory(facts(kubelet('v1.31.3')));
  await put('kubelet: v1.30.10');
  assert.deepEqual(
    await rows(),
    [ingress, `kubelet/node-1 v1.31.3 import ${flaw}`],
    'what was read goes first',
  );
  // Found where it listens: closed there, on every host that has an agent.
  const agent = await started.worker('agent', 'node-1');
  const before = (await planOf(agent)) as AgentPlan;
  const endpoints = [{ address: '10.244.1.8', port: 8443 }];
  await started.admin.importInventory(facts({ component: 'ingress-nginx', version: 'v1.11.4', endpoints }));
  const plan = (await planOf(agent, before.generation)) as AgentPlan;
  assert.deepEqual(services(plan), ['api-1', 'webhook/lab']);
  // A version that nobody can read is told, and what was known stands.
  await put('kubelet: v1.30.10, containerd: soon');
  assert.equal((await rows()).length, 2);
  await started.stop();
  started = await place
    .start({ inventoryFile: join(place.folder, 'missing.yaml') })
    .catch(() => place.start());
  // The inventory's file has no nodes: their parts are forgotten with them.
  assert.deepEqual(await rows(), ['ingress-nginx/lab v1.11.4 import CVE-2025-1974']);
});
