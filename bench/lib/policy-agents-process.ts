// Simulated agents: each waits for its plan and answers with a receipt, applying nothing. Prints the time (ms since the
// epoch) whenever the last of them has delivered its receipt. policy-agents-process.ts FOLDER COUNT
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openLink } from '../../src/platform/controller-client.ts';

const [folder = '', amount = '0'] = process.argv.slice(2);
const signal = new AbortController().signal;
process.stdin.on('end', () => process.exit());
process.stdin.resume();
const delivered = new Map<number, number>();

async function follow(name: string): Promise<void> {
  const link = openLink(join(folder, name));
  let round = 0;
  for (let after = 0; ; ) {
    try {
      const plan = await link.nextPlan(after, 60, signal);
      if (!plan) continue;
      await link.sendReceipt({
        kind: 'agent',
        target: name,
        generation: plan.generation,
        ok: true,
        milliseconds: 1,
        connectionsCut: 0,
        appliedAt: new Date().toISOString(),
      });
      after = plan.generation;
    } catch {
      await delay(50);
      continue;
    }
    round += 1;
    const done = (delivered.get(round) ?? 0) + 1;
    delivered.set(round, done);
    if (done === Number(amount)) process.stdout.write(`${Date.now()}\n`);
  }
}
for (let i = 0; i < Number(amount); i += 1) void follow(`a${i}`);
