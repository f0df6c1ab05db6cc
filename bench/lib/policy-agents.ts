// Simulated agents that follow one controller: from the commit of a policy to the last receipt.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openAuthority } from '../../src/controller/authority.ts';
import { runController } from '../../src/controller/run.ts';
import { logPath } from '../../src/log/folder.ts';
import { openLog } from '../../src/log/sqlite.ts';
import { Inventory } from '../../src/model/inventory.ts';
import { Policy } from '../../src/model/policy.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { openAdmin } from '../../src/platform/controller-client.ts';
import { writeIdentity } from '../../src/platform/identity.ts';
import { createRequest, fingerprint } from '../../src/platform/pki.ts';
import { lines, median, start, stop } from './processes.ts';
import { type Row, row } from './rows.ts';

/** Every server in a cluster of its own, at a loopback address where nothing listens. */
function inventoryOf(count: number): Inventory {
  const ids = Array.from({ length: count }, (_, i) => i);
  const address = (i: number) => `127.10.${i >> 8}.${i & 255}`;
  return Inventory.parse({
    apiVersion: 'portcullis/v1',
    clusters: ids.map((i) => ({ name: `c${i}` })),
    hosts: ids.map((i) => ({
      name: `a${i}`,
      cluster: `c${i}`,
      addresses: [address(i)],
      tags: ['tier=control-plane'],
    })),
    servers: ids.map((i) => ({ name: `s${i}`, cluster: `c${i}`, host: `a${i}`, address: address(i) })),
    groups: [{ name: 'lab', addresses: ['192.0.2.0/24'], tags: ['site=lab'] }],
  });
}

const policyOf = (action: string) =>
  Policy.parse({ apiVersion: 'portcullis/v1', rules: [{ id: 'lab', from: 'site=lab', to: 'any', action }] });

export async function agents(quick: boolean): Promise<Row[]> {
  const count = quick ? 200 : 1_000;
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-agents-'));
  const ended = new AbortController();
  let child: ReturnType<typeof start> | undefined;
  try {
    const dataDir = join(folder, 'controller');
    const shieldsFolder = join(folder, 'shields');
    const options = {
      dataDir,
      shieldsFolder,
      listen: { address: '127.0.0.1', port: 0 },
      probeSeconds: 3_600,
    };
    mkdirSync(shieldsFolder);
    // The first start makes the authority and the log; the agents are enrolled behind its back, for a thousand at once
    // are more than it takes by its API.
    const first = new AbortController();
    const { endpoint, stopped } = await runController(options, first.signal);
    first.abort();
    await stopped;
    const controller = `127.0.0.1:${endpoint.port}`;
    const authority = await openAuthority(dataDir, false, Date.now());
    const log = openLog(logPath(dataDir), systemClock);
    for (let i = 0; i < count; i += 1) {
      const name = `a${i}`;
      const { key, request } = await createRequest(name);
      const certificate = await authority.signWorker(request, 'agent', name);
      const identity = {
        controller,
        role: 'agent',
        name,
        key,
        certificate,
        ca: authority.certificate,
      } as const;
      writeIdentity(join(folder, name, 'identity'), identity);
      const data = {
        role: 'agent',
        name,
        token: `bench-${i}`,
        certificate: fingerprint(certificate),
        from: '127.0.0.1',
      };
      log.append([{ kind: 'enrolled', actor: `agent:${name}`, subject: name, data }]);
    }
    log.close();
    await runController({ ...options, listen: endpoint }, ended.signal);
    const admin = openAdmin(dataDir);
    await admin.putInventory(inventoryOf(count));
    const script = fileURLToPath(import.meta.resolve('./policy-agents-process.ts'));
    child = start(process.execPath, [script, folder, String(count)]);
    const delivered = lines(child);
    // Every agent has the plans that the inventory made.
    await delivered();
    const times: number[] = [];
    for (let round = 0; round < (quick ? 2 : 5); round += 1) {
      const began = Date.now();
      await admin.putPolicy(policyOf(round % 2 === 0 ? 'deny' : 'drop'));
      times.push(Number(await delivered()) - began);
    }
    admin.close();
    return [row('commit to the last receipt', `${count} simulated agents`, 'ms', median(times))];
  } finally {
    if (child) await stop(child);
    ended.abort();
    await new Promise((resolve) => setTimeout(resolve, 200));
    rmSync(folder, { recursive: true, force: true });
  }
}
