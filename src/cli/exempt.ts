// portcullis exempt add, list and remove
import type { ExemptionAnswer } from '../model/api.ts';
import { Exemption, type ExemptResource } from '../model/exemption.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, type CommandOption, type Context, required, wrongUsage } from './command.ts';
import { printable, table } from './table.ts';

const partOptions: Readonly<Record<string, CommandOption>> = {
  shield: { type: 'string', value: 'SHIELD', help: 'the shield that is exempted from (required)' },
  rule: {
    type: 'string',
    multiple: true,
    value: 'RULE',
    help: 'only this rule of it; may be given again (default: all but those of the upgrade machine)',
  },
  servers: { type: 'string', value: 'EXPRESSION', help: 'only at servers with these tags (default: all)' },
  user: {
    type: 'string',
    multiple: true,
    value: 'NAME',
    help: "this user of a client certificate's; may be given again",
  },
  group: {
    type: 'string',
    multiple: true,
    value: 'NAME',
    help: "this group of a client certificate's; may be given again",
  },
  'service-account': {
    type: 'string',
    multiple: true,
    value: 'NAMESPACE:NAME',
    help: 'this service account, by its bearer token; may be given again',
  },
  from: { type: 'string', value: 'WHERE', help: 'only from here: a tag expression, an address or a prefix' },
  resource: {
    type: 'string',
    multiple: true,
    value: 'RESOURCE',
    help: 'only this: RESOURCE[.GROUP][@NAMESPACE[/NAME]], e.g. pods/exec@web, deployments.apps; may be given again',
  },
};

export const exemptAdd: Command = {
  name: 'exempt add',
  summary: "exempt somebody from a shield's rules for a while",
  usage: 'ID',
  details:
    'Who fits every part that is given is let pass where a rule fires, and each use is counted and recorded. What the gate\nrefuses of itself (ambiguous bytes, spoofed identity, the upgrade machine) can not be exempted.',
  options: {
    ...adminOptions,
    ...partOptions,
    owner: { type: 'string', value: 'WHO', help: 'who answers for it (required)' },
    why: { type: 'string', value: 'TEXT', help: 'the reason (required)' },
    for: { type: 'string', value: 'TIME', help: 'how long it holds: 12h, 30d (this or --until)' },
    until: { type: 'string', value: 'TIME', help: 'when it ends: 2027-01-31T00:00:00Z' },
    long: { type: 'boolean', help: 'it may hold for more than 90 days' },
  },
  arity: [1, 1],
  async run(context) {
    const exemption = read(context);
    const long = context.flag('long');
    const answer = await withAdmin(context, (admin) =>
      admin.addExemption({ exemption, ...(long ? { long } : {}) }),
    );
    context.print(
      context.json ? JSON.stringify(answer) : `${answer.id}: ${wordsOf(answer)}, until ${answer.expires}`,
    );
    return 0;
  },
};

export const exemptList: Command = {
  name: 'exempt list',
  summary: 'the exemptions in force, the first to end first',
  options: adminOptions,
  arity: [0, 0],
  async run(context) {
    const exemptions = await withAdmin(context, (admin) => admin.exemptions());
    if (context.json) context.print(JSON.stringify({ exemptions }));
    else if (exemptions.length === 0) context.print('No exemption is in force.');
    else {
      const rows = exemptions.map((one) => [
        one.id,
        one.shield,
        wordsOf(one),
        one.expires,
        one.owner,
        one.author,
        one.reason,
      ]);
      const headings = ['ID', 'SHIELD', 'WHO AND WHAT', 'UNTIL', 'OWNER', 'BY', 'WHY'];
      context.print(
        table(
          headings,
          rows.map((row) => row.map(printable)),
        ),
      );
    }
    return 0;
  },
};

export const exemptRemove: Command = {
  name: 'exempt remove',
  summary: 'end an exemption before its time',
  usage: 'ID',
  options: {
    ...adminOptions,
    why: { type: 'string', value: 'TEXT', help: 'the reason, for the log (required)' },
  },
  arity: [1, 1],
  async run(context) {
    const [id = ''] = context.args;
    const why = required(context, 'why');
    await withAdmin(context, (admin) => admin.removeExemption({ id, why }));
    context.print(context.json ? JSON.stringify({ ok: true, id }) : `exemption ${id}: ended`);
    return 0;
  },
};

function read(context: Context): Exemption {
  const [id = ''] = context.args;
  const some = (name: string) => {
    const list = context.list(name);
    return list.length > 0 ? [...list] : undefined;
  };
  const from = context.option('from');
  const servers = context.option('servers');
  const parsed = Exemption.safeParse({
    id,
    shield: required(context, 'shield'),
    rules: some('rule'),
    servers,
    users: some('user'),
    groups: some('group'),
    serviceAccounts: some('service-account')?.map((name) => `system:serviceaccount:${name}`),
    from,
    resources: some('resource')?.map(resourceOf),
    owner: required(context, 'owner'),
    reason: required(context, 'why'),
    expires: endOf(context),
  });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw wrongUsage(`${issue?.path.join('.') || 'the exemption'}: ${issue?.message ?? 'malformed'}`);
}

function endOf(context: Context): string {
  const until = context.option('until');
  const span = context.option('for');
  if ((until === undefined) === (span === undefined)) throw wrongUsage('say --for or --until');
  if (until !== undefined) return until;
  const [, amount, unit = ''] = /^([1-9][0-9]{0,4})([hd])$/.exec(span ?? '') ?? [];
  if (amount === undefined) throw wrongUsage(`--for takes hours or days, e.g. 12h or 30d, not '${span}'`);
  const ms = Number(amount) * (unit === 'h' ? 3_600_000 : 86_400_000);
  return new Date(Math.floor((Date.now() + ms) / 1000) * 1000).toISOString();
}

/** `pods/exec@web/p1`, `deployments.apps`, `*@kube-system`. */
function resourceOf(text: string): ExemptResource {
  const [, what = '', namespace, name] = /^([^@]*)(?:@([^@/]+)(?:\/([^@/]+))?)?$/.exec(text) ?? [];
  const dot = what.indexOf('.');
  const slash = what.indexOf('/');
  if (what === '' || (dot >= 0 && slash > dot))
    throw wrongUsage(`--resource takes RESOURCE[.GROUP][@NAMESPACE[/NAME]], not '${text}'`);
  return {
    ...(what === '*' ? {} : { resource: dot < 0 ? what : what.slice(0, dot) }),
    ...(what === '*' ? {} : { group: dot < 0 ? '' : what.slice(dot + 1) }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  };
}

function wordsOf(one: ExemptionAnswer): string {
  const names = [...(one.users ?? []), ...(one.groups ?? []), ...(one.serviceAccounts ?? [])];
  return [
    names.length > 0 ? names.join(', ') : 'everybody',
    one.from === undefined ? '' : `from ${one.from}`,
    one.resources === undefined ? '' : `for ${one.resources.map(resourceWords).join(', ')}`,
    one.servers === undefined ? '' : `at ${one.servers}`,
    one.rules === undefined ? '' : `(${one.rules.join(', ')})`,
  ]
    .filter((text) => text !== '')
    .join(' ');
}

function resourceWords({ group, resource = '*', namespace, name }: ExemptResource): string {
  const where = namespace === undefined ? '' : `@${namespace}${name === undefined ? '' : `/${name}`}`;
  return `${resource}${group ? `.${group}` : ''}${where}`;
}
