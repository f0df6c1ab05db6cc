// The way out: takes everything of the agent's out of the kernel.
import { run as runProgram } from '../platform/run.ts';
import { localAddresses, type Runner } from './host.ts';
import { readGatePorts, removeTable } from './kernel-table.ts';
import { destroySockets, listSockets } from './sockets.ts';

/**
 * Deletes the table. Connections that go through a gate are cut before: without the table the kernel stops translating
 * their packets. Nothing of the table is left; connections that go direct are untouched.
 * @throws Failure `kernel-refused`, `program-missing`
 */
export async function removeEverything(run: Runner = runProgram): Promise<void> {
  const [own, gatePorts] = await Promise.all([localAddresses(run), readGatePorts(run)]);
  const steered = (await listSockets(run, gatePorts)).filter(({ peer }) => !own.includes(peer));
  await destroySockets(run, steered);
  await removeTable(run);
}
