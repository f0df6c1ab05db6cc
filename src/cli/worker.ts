// What `agent` and `gate` share: enrolling when a token is given, opening the link.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkerRole } from '../model/api.ts';
import type { ControllerLink } from '../platform/controller-client.ts';
import {
  type CommandOption,
  type Context,
  checkHostPort,
  dataDir,
  dataOption,
  wrongUsage,
} from './command.ts';

/** Of whoever enrols. */
export const enrolOptions: Readonly<Record<string, CommandOption>> = {
  name: { type: 'string', value: 'NAME', help: 'the name that the token is for (required)' },
  controller: { type: 'string', value: 'ADDRESS:PORT', help: 'the controller (required)' },
  token: {
    type: 'string',
    value: 'TOKEN',
    help: 'one-time token of `portcullis token` (or $PORTCULLIS_TOKEN)',
  },
};

export const workerOptions: Readonly<Record<string, CommandOption>> = {
  ...dataOption,
  name: { type: 'string', value: 'HOST', help: "this host's name in the inventory (to enrol)" },
  controller: { type: 'string', value: 'ADDRESS:PORT', help: 'the controller (to enrol)' },
  token: {
    type: 'string',
    value: 'TOKEN',
    help: 'one-time token of `portcullis token` (to enrol; or $PORTCULLIS_TOKEN)',
  },
};

/** The worker's folder and link; enrols first when a token is given. @throws Failure of enrol and openLink */
export async function openWorker(
  context: Context,
  role: WorkerRole,
): Promise<{ folder: string; link: ControllerLink }> {
  const { openLink } = await import('../platform/controller-client.ts');
  const root = dataDir(context);
  // What is in it is readable to its owner only.
  mkdirSync(root, { recursive: true, mode: 0o711 });
  const folder = join(root, role);
  const token = context.option('token') ?? process.env['PORTCULLIS_TOKEN'];
  if (token) {
    const name = context.option('name');
    const controller = context.option('controller');
    if (!name || !controller) throw wrongUsage('enrolling needs --name and --controller besides the token');
    checkHostPort('controller', controller);
    const { enrol } = await import('../platform/enrolment.ts');
    await enrol({ controller, token, role, name, dataDir: folder });
  }
  return { folder, link: openLink(folder) };
}
