// portcullis mode
import type { ShadowAnswer } from '../model/api.ts';
import { ShieldMode } from '../model/mode.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, type Context, required, wholeNumber, wrongUsage } from './command.ts';
import { printable, table } from './table.ts';

const modes: readonly string[] = [...ShieldMode.options, 'default'];
const defaultDays = 7;

export const mode: Command = {
  name: 'mode',
  summary: 'set what a shield does at a server: nothing, look on, or act',
  usage: 'SERVER SHIELD off|shadow|enforce|default',
  details:
    '`shadow`: its rules are judged and what they find is recorded, and nothing is done. `default`: what the policy or the\n' +
    "shield's tier says. `enforce` first shows what would have been refused and to whom, and acts only with --yes. Setting the\n" +
    'mode it has already changes nothing.',
  options: {
    ...adminOptions,
    why: { type: 'string', value: 'TEXT', help: 'the reason, for the log (required, but to look)' },
    yes: { type: 'boolean', help: 'enforce it: without, `enforce` only shows what it would refuse' },
    now: {
      type: 'boolean',
      help: 'cut the connections that are open through the gate, watches and tunnels too',
    },
    days: {
      type: 'string',
      value: 'N',
      help: `how far back to look for what would be refused (default ${defaultDays})`,
    },
  },
  arity: [3, 3],
  async run(context) {
    const [server = '', shield = '', wanted = ''] = context.args;
    if (!modes.includes(wanted)) throw wrongUsage(`'${wanted}' is not a mode: ${modes.join(', ')}`);
    const days = wholeNumber(context, 'days', 1, 366) ?? defaultDays;
    const looks = wanted === 'enforce' && !context.flag('yes');
    const why = looks ? '' : required(context, 'why');
    const now = context.flag('now');
    return withAdmin(context, async (admin) => {
      const shadow = wanted === 'enforce' ? await admin.shadow({ server, shield, days }) : undefined;
      if (shadow && looks) {
        if (context.json) context.print(JSON.stringify({ changed: false, shadow }));
        else context.print(`${shadowText(shadow)}\n\nNothing was changed: --yes --why "…" enforces it.`);
        return 3;
      }
      const answer = await admin.setMode({
        server,
        shield,
        mode: wanted as ShieldMode,
        why,
        ...(now ? { now } : {}),
      });
      if (context.json) context.print(JSON.stringify({ ok: true, ...answer, ...(shadow ? { shadow } : {}) }));
      else say(context, answer, shadow);
      return 0;
    });
  },
};

function say(
  context: Context,
  answer: {
    readonly server: string;
    readonly shield: string;
    readonly mode: string;
    readonly from: string;
    readonly changed: boolean;
    readonly stage: string;
    readonly unset: readonly string[];
  },
  shadow: ShadowAnswer | undefined,
): void {
  const { server, shield, from, changed, stage, unset } = answer;
  if (shadow && shadow.found > 0) context.print(`${shadowText(shadow)}\n`);
  const stands = stage === 'inspect' ? 'stands at inspect' : `stands at ${stage}: portcullis stage moves it`;
  context.print(`${shield} on ${server}: ${changed ? `${from} → ` : 'already '}${answer.mode}; ${stands}`);
  if (unset.length > 0) context.note(`rules are off until the policy sets ${unset.join(', ')}`);
}

function shadowText({ server, shield, since, found, callers, complete, rows }: ShadowAnswer): string {
  const span = `since ${since}${complete ? '' : ' (not all of that time was looked at: the log is long)'}`;
  if (found === 0) return `${shield} on ${server} would have refused nothing that it saw ${span}.`;
  const text = table(
    ['COUNT', 'RULE', 'WOULD', 'WHO', 'FROM', 'LAST', 'E.G.'],
    rows.map((row) =>
      [
        `${row.count}`,
        row.rule,
        row.would,
        row.who,
        row.name === 'unknown' ? row.address : `${row.name} (${row.address})`,
        row.last,
        row.request,
      ].map(printable),
    ),
  );
  return `${shield} on ${server} would have refused ${found} requests of ${callers} callers ${span}:\n${text}`;
}
