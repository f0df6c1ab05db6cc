// Starts and kills the real portcullis processes of the demo.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TokenAnswer } from '../../src/model/api.ts';
import { writeDocuments } from './documents.ts';
import { controllerPort, type Lab } from './lab.ts';

export function startController(lab: Lab): ChildProcess {
  const files = writeDocuments(lab);
  const address = `${lab.range.topology.hosts.security.ipv4}:${controllerPort}`;
  const noAdvisories = join(lab.dir, 'no-advisories');
  mkdirSync(noAdvisories, { recursive: true });
  return lab.start(
    'security',
    'controller',
    'controller',
    '--listen',
    address,
    '--inventory',
    files.inventory,
    '--policy',
    files.policy,
    '--advisories',
    noAdvisories,
    '--probe-seconds',
    '3600',
  );
}

const gateUser = '61184:61184';

/** The gate's workers belong to a user of their own; its parent reads the server's keys. */
export function gateOptions(lab: Lab): string[] {
  return ['--pki', lab.range.files.pki, '--user', gateUser];
}

/** The gate's workers may connect to their servers only. */
export const agentOptions: readonly string[] = ['--gate-user', gateUser];

/** Makes a token, enrols and starts an agent or gate; of the control-plane host unless told otherwise. */
export async function startWorker(
  lab: Lab,
  role: 'agent' | 'gate',
  host: 'cp' | 'node' = 'cp',
): Promise<ChildProcess> {
  const { token, controller } = await lab.portcullis<TokenAnswer & { controller: string }>(
    'security',
    'token',
    role,
    host,
  );
  const more = role === 'gate' ? gateOptions(lab) : agentOptions;
  return lab.start(
    host,
    host === 'cp' ? role : `${role}-${host}`,
    role,
    '--name',
    host,
    '--controller',
    controller,
    '--token',
    token,
    ...more,
  );
}

export async function killHard(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
