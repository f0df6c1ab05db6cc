// portcullis explain
import type { ExplainAnswer, Explanation, TagOrigin } from '../model/explain.ts';
import { adminOptions, withAdmin } from './admin.ts';
import type { Command } from './command.ts';
import { flawsFolded } from './fold-tags.ts';
import { paragraph } from './table.ts';

export const explain: Command = {
  name: 'explain',
  summary:
    'why callers get through to a server or not: the rule that decides, and every rule passed over on the way',
  usage: 'FROM TO [SERVICE]',
  details:
    "FROM is an address, a prefix, a name of the inventory, or a tag expression ('site=lab AND NOT tier=node'); TO a server by its\nname or an address of it, or a host; SERVICE what of it is meant: kubelet, etcd, components, webhook, a port or a service group. Read from the plan that the server's agent has.",
  options: adminOptions,
  arity: [2, 3],
  async run(context) {
    const [from = '', to = '', service] = context.args;
    const answer = await withAdmin(context, (admin) =>
      admin.explain({ from, to, ...(service === undefined ? {} : { service }) }),
    );
    context.print(context.json ? JSON.stringify(answer) : explainText(answer));
    return 0;
  },
};

export function explainText(answer: ExplainAnswer): string {
  const { server, tags, shields, policy, plan, callers, more } = answer;
  return [
    `server ${server}: policy generation ${policy}, plan ${plan} of its agent`,
    `  tags: ${tagsText(tags)}`,
    ...shieldLines(shields),
    ...callers.flatMap((caller) => ['', ...callerLines(caller, server, shields)]),
    ...(more > 0 ? ['', `${more} more rules decide about other callers: ask for fewer`] : []),
  ]
    .map((line) => paragraph(line))
    .join('\n');
}

type Shields = ExplainAnswer['shields'];

/** Those that act one by one; of those that look on the names are enough. */
function shieldLines(shields: Shields): string[] {
  const acting = shields.filter(({ cover }) => cover === 'acts');
  const others = shields.filter((one) => one.cover !== 'acts' && !looksOn(one));
  const looking = shields.filter(looksOn);
  const exempted = shields.flatMap(({ shield, exemptions }) =>
    exemptions.map(
      ({ id, owner, expires }) => `  exemption ${id} from ${shield}, owner ${owner}, until ${expires}`,
    ),
  );
  return [
    ...acting.map(({ shield, stage, why }) => `  shield ${shield} acts, at ${stage}: ${why}`),
    ...(looking.length === 0
      ? []
      : [`  ${looking.length} shields only look on: ${looking.map(({ shield }) => shield).join(', ')}`]),
    ...others.map(
      ({ shield, stage, mode, why }) => `  shield ${shield} does nothing (${stage}, ${mode}): ${why}`,
    ),
    ...exempted,
  ];
}

/** Its rules are judged on what goes through the gate, and nothing is done. */
function looksOn({ cover, stage, mode }: Shields[number]): boolean {
  if (stage === 'lifted' || mode === 'off') return false;
  return cover === 'shadow' || cover === 'alert';
}

/** What a steered caller meets at the gate. */
function gateLine(shields: Shields): string {
  const acting = shields.filter(({ cover, stage }) => cover === 'acts' && stage === 'inspect');
  const looking = shields.filter(looksOn).length;
  const exempt = shields.flatMap(({ exemptions }) => exemptions.map(({ id }) => id));
  return [
    acting.length === 0
      ? '  at the gate: no shield acts'
      : `  at the gate: ${acting.map(({ shield }) => shield).join(', ')} ${acting.length === 1 ? 'acts' : 'act'}`,
    ...(looking === 0 ? [] : [`${looking} only look on`]),
    ...(exempt.length === 0 ? [] : [`whom ${exempt.join(', ')} fits is let pass (portcullis exempt list)`]),
  ].join('; ');
}

function callerLines(
  { from, alike, verdict, rule, steps }: Explanation,
  server: string,
  shields: Shields,
): string[] {
  const who = from.name === 'unknown' ? 'which nobody named' : from.name;
  return [
    `${from.address} (${who}) → ${server}: ${verdict.toUpperCase()} by ${rule}`,
    ...(alike.length > 1 || alike[0] !== from.address ? [`  so too: ${alike.join(', ')}`] : []),
    `  tags: ${tagsText(from.tags)}`,
    ...(verdict === 'steer' ? [gateLine(shields)] : []),
    ...steps.map((step) => {
      const from = [
        ...(step.place === undefined ? [] : [step.place]),
        ...(step.owner === undefined ? [] : [`owner ${step.owner}`]),
        ...(step.reason === undefined ? [] : [step.reason]),
      ];
      const written = from.length > 0 ? ` (${from.join('; ')})` : '';
      return `  ${step.decides ? '▶' : '·'} ${step.rule} [${step.tier}] ${step.verdict}: ${step.why}${written}`;
    }),
  ];
}

function tagsText(tags: readonly TagOrigin[]): string {
  if (tags.length === 0) return 'none';
  const origins = new Map(tags.map(({ tag, object, kind }) => [String(tag), { object, kind }]));
  return flawsFolded(tags.map(({ tag }) => tag))
    .map((text) => {
      const origin = origins.get(text);
      return origin === undefined
        ? `${text} (observed)`
        : `${text} (${origin.kind === 'implicit' ? '' : `${origin.kind} `}on ${origin.object})`;
    })
    .join(', ');
}
