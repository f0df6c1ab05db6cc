// portcullis login
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Command, checkHostPort, required } from './command.ts';
import { enrolOptions } from './worker.ts';

export const login: Command = {
  name: 'login',
  summary: 'become an admin of a controller under a name of your own, with a token that another admin made',
  details:
    'The key is made here and stays here. Changes and approvals carry the name, so that two people can be told apart. Give the\nfolder as --identity to other commands.',
  options: {
    ...enrolOptions,
    identity: {
      type: 'string',
      value: 'DIR',
      help: 'where the identity is kept (default ~/.portcullis)',
    },
  },
  arity: [0, 0],
  async run(context) {
    const { enrol, openAdmin } = await import('../platform/controller-client.ts');
    const [name, controller] = [required(context, 'name'), required(context, 'controller')];
    const token = context.option('token') ?? process.env['PORTCULLIS_TOKEN'] ?? required(context, 'token');
    checkHostPort('controller', controller);
    const folder = context.option('identity') ?? join(homedir(), '.portcullis');
    await enrol({ controller, token, role: 'admin', name, dataDir: folder });
    const admin = openAdmin(folder);
    await admin.status().finally(() => admin.close());
    const answer = { ok: true, name, identity: folder };
    context.print(context.json ? JSON.stringify(answer) : `admin ${name}; use it with --identity ${folder}`);
    return 0;
  },
};
