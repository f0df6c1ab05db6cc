// portcullis token
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, wholeNumber, wrongUsage } from './command.ts';

export const token: Command = {
  name: 'token',
  summary: 'make a one-time token with which an agent or gate enrols',
  usage: 'agent|gate NAME',
  details:
    'NAME is the host, as the inventory names it. The token is shown once, works once and names the CA to trust.',
  options: {
    ...adminOptions,
    ttl: { type: 'string', value: 'SECONDS', default: '3600', help: 'how long it is good (default 3600)' },
  },
  arity: [2, 2],
  async run(context) {
    const [role, name = ''] = context.args;
    if (role !== 'agent' && role !== 'gate') throw wrongUsage(`an agent or a gate enrols, not '${role}'`);
    const ttlSeconds = wholeNumber(context, 'ttl', 1, 86_400) ?? 3600;
    const answer = await withAdmin(context, async (admin) => ({
      ...(await admin.createToken({ role, name, ttlSeconds })),
      controller: admin.controller,
    }));
    if (context.json) context.print(JSON.stringify(answer));
    else {
      context.note(`good until ${answer.expiresAt}, once. On host ${name}:`);
      context.print(
        `portcullis ${role} --name ${name} --controller ${answer.controller} --token ${answer.token}`,
      );
    }
    return 0;
  },
};
