// One tag changed, the whole way: from the command at the controller, by the wire, to a real kernel and back.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEnforcer } from '../../src/agent/enforcer.ts';
import { followPlan } from '../../src/agent/follow-plan.ts';
import { createPlanStore } from '../../src/agent/plan-store.ts';
import type { SessionWatch } from '../../src/agent/session-watch.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { openAdmin, openLink } from '../../src/platform/controller-client.ts';
import { makeWorld } from '../../test/kernel/world.ts';
import { inventoryOf, policyOf, type Sized } from './policy-scale.ts';
import { lines, median, start, stop } from './processes.ts';
import { type Row, row } from './rows.ts';

const noSessions: SessionWatch = {
  use() {},
  collect: async () => {},
  drained: async () => {},
  counters: () => ({}),
  problems: () => [],
};

export async function change(quick: boolean): Promise<Row[]> {
  const rows: Row[] = [];
  for (const addresses of quick ? [100_000] : [1_000, 10_000, 100_000])
    rows.push(...(await changeAt({ addresses, rules: Math.min(1_000, addresses / 10) }, quick ? 7 : 21)));
  return rows;
}

async function changeAt(size: Sized, rounds: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-change-'));
  const script = fileURLToPath(import.meta.resolve('./policy-controller-process.ts'));
  const child = start(process.execPath, [script, folder, 'cp']);
  const ended = new AbortController();
  await using world = await makeWorld();
  try {
    await lines(child)();
    const admin = openAdmin(join(folder, 'controller'));
    await admin.putInventory(inventoryOf(size));
    await admin.putPolicy(policyOf(size.rules, (rule) => (rule % 2 === 0 ? 'pass' : 'deny')));
    const link = openLink(join(folder, 'cp'));
    const enforcer = await createEnforcer({ run: world.run, clock: systemClock }, noSessions);
    let inKernel = 0;
    let told = () => {};
    const receipt = () =>
      new Promise<void>((resolve) => {
        told = resolve;
      });
    const first = receipt();
    void followPlan(
      {
        name: 'cp',
        link: {
          ...link,
          async sendReceipt(each) {
            if (!each.ok) throw new Error(each.error);
            await link.sendReceipt(each);
            told();
          },
        },
        enforcer: {
          ...enforcer,
          get plan() {
            return enforcer.plan;
          },
          async apply(plan) {
            const began = performance.now();
            const applied = await enforcer.apply(plan);
            inKernel = began + applied.inKernelMs;
            return applied;
          },
        },
        clock: systemClock,
        log: () => {},
        confirmMs: 15_000,
        begun: {},
        store: createPlanStore(join(folder, 'cp')).store,
        changed: () => {},
      },
      ended.signal,
    );
    await first;
    const kernel: number[] = [];
    const receipts: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      // The agent asks again.
      await new Promise((resolve) => setTimeout(resolve, 500));
      const next = receipt();
      const began = performance.now();
      await Promise.all([
        admin.tag({ object: 'group/moving', set: [`label=g${(round + 1) % size.rules}`], remove: ['label'] }),
        next,
      ]);
      kernel.push(inKernel - began);
      receipts.push(performance.now() - began);
    }
    admin.close();
    const name = `${size.addresses} addresses, ${size.rules} rules`;
    process.stderr.write(`  ${name}\n`);
    return [
      row('one tag changed: command at the controller to the kernel', name, 'ms', median(kernel)),
      row('one tag changed: command at the controller to the receipt', name, 'ms', median(receipts)),
    ];
  } finally {
    ended.abort();
    await stop(child);
    rmSync(folder, { recursive: true, force: true });
  }
}
