// A real agent in a namespace for kernel tests. Its controller is reached over real TCP (a connection for every call, so
// that the kernel table can get in the way), and what is said to it goes through standard input and output as JSON lines:
// agent-process.ts DATA-DIR CONTROLLER-ADDRESS CONTROLLER-PORT
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { runAgent } from '../../src/agent/run.ts';
import { describeFailure, Failure } from '../../src/base/failure.ts';
import type { AgentPlan } from '../../src/model/plan.ts';
import type { ControllerLink } from '../../src/platform/controller-client.ts';

const [dataDir = '', address = '', port = ''] = process.argv.slice(2);
const stop = new AbortController();
let plan: AgentPlan | undefined;

createInterface({ input: process.stdin }).on('line', (line) => {
  plan = JSON.parse(line) as AgentPlan;
});
process.on('SIGTERM', () => stop.abort());

async function reach(): Promise<void> {
  const socket = connect({ host: address, port: Number(port), timeout: 500 });
  socket.on('timeout', () => socket.destroy(new Error('timeout')));
  try {
    await once(socket, 'data');
  } catch (cause) {
    throw new Failure('controller-unreachable', 'no answer', { cause });
  } finally {
    socket.destroy();
  }
}
async function tell(said: Record<string, unknown>): Promise<void> {
  await reach();
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

const link: ControllerLink = {
  name: 'cp-1',
  controllerPort: Number(port),
  async nextPlan(after, _waitSeconds, signal) {
    for (;;) {
      await reach();
      if (plan && plan.generation > after) return plan;
      await delay(50, undefined, { signal });
    }
  },
  sendReceipt: (receipt) => tell({ receipt }),
  sendHealth: (health) => tell({ health }),
  sendIncidents: () => Promise.resolve(),
  sendSessions: ({ sessions }) => tell({ sessions }),
  sendOpen: async () => {},
  keepIdentity: async () => {},
  close() {},
};

try {
  const fast = {
    confirmSeconds: 2,
    repairSeconds: Number(process.env['REPAIR_SECONDS'] ?? 0.3),
    sessionSeconds: 0.5,
    healthSeconds: 0.5,
  };
  await runAgent(
    { name: 'cp-1', dataDir, link, ...fast, writeLog: (line) => console.log(`{"log":${line}}`) },
    stop.signal,
  );
  process.exit(0);
} catch (error) {
  console.log(JSON.stringify({ failed: describeFailure(error) }));
  process.exit(1);
}
