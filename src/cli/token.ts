// portcullis token
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, wholeNumber, wrongUsage } from './command.ts';

export const token: Command = {
  name: 'token',
  summary: 'make a one-time token with which an agent, a gate or another admin enrols',
  usage: 'agent|gate|admin NAME',
  details:
    'NAME is the host, as the inventory names it; of an admin, the person, whom the log and approvals name by it. The token is\nshown once, works once and names the CA to trust.',
  options: {
    ...adminOptions,
    ttl: { type: 'string', value: 'SECONDS', default: '3600', help: 'how long it is good (default 3600)' },
  },
  arity: [2, 2],
  async run(context) {
    const [role, name = ''] = context.args;
    if (role !== 'agent' && role !== 'gate' && role !== 'admin')
      throw wrongUsage(`an agent, a gate or an admin enrols, not '${role}'`);
    const ttlSeconds = wholeNumber(context, 'ttl', 1, 86_400) ?? 3600;
    const answer = await withAdmin(context, async (admin) => ({
      ...(await admin.createToken({ role, name, ttlSeconds })),
      controller: admin.controller,
    }));
    if (context.json) context.print(JSON.stringify(answer));
    else {
      const where = role === 'admin' ? `As ${name}` : `On host ${name}`;
      context.note(`good until ${answer.expiresAt}, once. ${where}:`);
      context.print(
        `portcullis ${role === 'admin' ? 'login' : role} --name ${name} --controller ${answer.controller} --token ${answer.token}`,
      );
    }
    return 0;
  },
};
