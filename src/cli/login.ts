// portcullis login
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Command, checkHostPort, required, wrongUsage } from './command.ts';
import { enrolOptions } from './worker.ts';

export const login: Command = {
  name: 'login',
  summary:
    'become an admin or a viewer of a controller under a name of your own, with a token that an admin made',
  details:
    'The key is made here and stays here. Changes and approvals carry the name, so that two people can be told apart. Give the\nfolder as --identity to other commands.',
  options: {
    ...enrolOptions,
    role: {
      type: 'string',
      value: 'ROLE',
      default: 'admin',
      help: 'what the token is for: admin, who may do everything, or viewer, who only reads (default admin)',
    },
    identity: {
      type: 'string',
      value: 'DIR',
      help: 'where the identity is kept (default ~/.portcullis)',
    },
  },
  arity: [0, 0],
  async run(context) {
    const role = context.option('role');
    if (role !== 'admin' && role !== 'viewer')
      throw wrongUsage(`--role takes admin or viewer, not '${role}'`);
    const { openAdmin } = await import('../platform/controller-client.ts');
    const { enrol } = await import('../platform/enrolment.ts');
    const [name, controller] = [required(context, 'name'), required(context, 'controller')];
    const token = context.option('token') ?? process.env['PORTCULLIS_TOKEN'] ?? required(context, 'token');
    checkHostPort('controller', controller);
    const folder = context.option('identity') ?? join(homedir(), '.portcullis');
    await enrol({ controller, token, role, name, dataDir: folder });
    const admin = openAdmin(folder);
    await admin.status().finally(() => admin.close());
    const answer = { ok: true, role, name, identity: folder };
    context.print(
      context.json ? JSON.stringify(answer) : `${role} ${name}; use it with --identity ${folder}`,
    );
    return 0;
  },
};
