// portcullis token
import { Role } from '../model/api.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, wholeNumber, wrongUsage } from './command.ts';

export const token: Command = {
  name: 'token',
  summary: 'make a one-time token with which an agent, a gate, another admin or a viewer enrols',
  usage: 'agent|gate|admin|viewer NAME',
  details:
    'NAME is the host, as the inventory names it; of an admin or viewer, the person, whom the log and approvals name by it. An admin may\n' +
    'do everything, a viewer reads and changes nothing. The token is shown once, works once and names the CA to trust.',
  options: {
    ...adminOptions,
    ttl: { type: 'string', value: 'SECONDS', default: '3600', help: 'how long it is good (default 3600)' },
  },
  arity: [2, 2],
  async run(context) {
    const [wanted, name = ''] = context.args;
    const { data: role } = Role.safeParse(wanted);
    if (!role) throw wrongUsage(`an agent, a gate, an admin or a viewer enrols, not '${wanted}'`);
    const ttlSeconds = wholeNumber(context, 'ttl', 1, 86_400) ?? 3600;
    const answer = await withAdmin(context, async (admin) => ({
      ...(await admin.createToken({ role, name, ttlSeconds })),
      controller: admin.controller,
    }));
    if (context.json) context.print(JSON.stringify(answer));
    else {
      const [where, command] = {
        admin: [`As ${name}`, 'login'],
        viewer: [`As ${name}`, 'login --role viewer'],
        agent: [`On host ${name}`, 'agent'],
        gate: [`On host ${name}`, 'gate'],
      }[role];
      context.note(`good until ${answer.expiresAt}, once. ${where}:`);
      context.print(
        `portcullis ${command} --name ${name} --controller ${answer.controller} --token ${answer.token}`,
      );
    }
    return 0;
  },
};
