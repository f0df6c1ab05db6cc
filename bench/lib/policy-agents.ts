// Simulated agents that follow one controller: from the commit of a policy to the last receipt.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Inventory } from '../../src/model/inventory.ts';
import { Policy } from '../../src/model/policy.ts';
import { openAdmin } from '../../src/platform/controller-client.ts';
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
  let controller: ReturnType<typeof start> | undefined;
  let child: ReturnType<typeof start> | undefined;
  try {
    const names = Array.from({ length: count }, (_, i) => `a${i}`);
    const serve = fileURLToPath(import.meta.resolve('./policy-controller-process.ts'));
    controller = start(process.execPath, [serve, folder, ...names]);
    await lines(controller)();
    const admin = openAdmin(join(folder, 'controller'));
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
    if (controller) await stop(controller);
    rmSync(folder, { recursive: true, force: true });
  }
}
