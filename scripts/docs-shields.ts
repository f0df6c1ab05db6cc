// The pages of docs/shields/, made from the shields and advisories that are shipped: a page each, and a matrix.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseOsv } from '../src/intel/osv.ts';
import type { Advisory, VersionRange } from '../src/model/advisory.ts';
import { readDocument } from '../src/model/document.ts';
import { Shield } from '../src/model/shield.ts';

const folder = join(import.meta.dirname, '../shields');
const generated = '<!-- made by scripts/docs.ts: npm run docs -->\n';

/** Path below docs/reference → text. */
export function shieldPages(): readonly (readonly [path: string, text: string])[] {
  // Read against the schema alone: what the rules say of their parameters stays as written.
  const shields = files('*.yaml').map(([file, text]) => readDocument(Shield, text, file, 'bad-shield'));
  const advisories = new Map(
    files('advisories/*.json').map(([file, text]) => {
      const advisory = parseOsv(JSON.parse(text), file);
      return [advisory.id, advisory];
    }),
  );
  const leftOut = JSON.parse(readFileSync(join(folder, 'left-out.json'), 'utf8')) as LeftOut[];
  return [
    ['../shields/README.md', matrix(shields, advisories, leftOut)],
    ...shields.map((shield): [string, string] => [
      `../shields/${shield.id}.md`,
      page(shield, advisories.get(shield.id)),
    ]),
  ];
}

/** A flaw of the first tier that has no shield. */
type LeftOut = { readonly id: string; readonly component: string; readonly reason: string };

function files(pattern: string): [string, string][] {
  return globSync(pattern, { cwd: folder })
    .sort()
    .map((file) => [file, readFileSync(join(folder, file), 'utf8')]);
}

function matrix(
  shields: readonly Shield[],
  advisories: ReadonlyMap<string, Advisory>,
  leftOut: readonly LeftOut[],
): string {
  const rows = shields.map((shield) => {
    const { attacks, innocents } = counts(shield);
    const advisory = advisories.get(shield.id);
    return [
      `[${shield.id}](${shield.id}.md)`,
      shield.title,
      shield.component,
      `${shield.tier}`,
      advisory?.cvss?.toFixed(1) ?? '-',
      advisory ? affected(advisory) : '',
      [...phases(shield)].join(', '),
      `${attacks}`,
      `${innocents}`,
    ];
  });
  return [
    `${generated}# Shields`,
    'What is shielded, and by how many exchanges each shield is proven: attacks that it must cut, and their innocent neighbours that\nmust pass.',
    proven,
    'At the stage `inspect` all rules of a shield\nact; by itself Portcullis goes there for flaws of the severity that the policy names (`minSeverity`, by default\n`critical`), and `portcullis stage SERVER SHIELD inspect --why …` sets it by hand for any other. The tier says how a shield\nbegins: 1 acts at once; 2 looks first, until somebody has seen what it would refuse; 3 looks, and needs what only the site\nknows; 4 only tells. `docs/modes.md` says how that is changed.',
    table(
      [
        'shield',
        'what it is against',
        'component',
        'tier',
        'CVSS',
        'versions',
        'acts on',
        'attacks',
        'innocents',
      ],
      rows,
    ),
    "Shields that act on connections alone have no stage `inspect`: `block` closes the ports that they name on the hosts whose\npart has the flaw (`kubelet/node-1`), to all but API servers, break-glass and whom rules name, and the part's patched version\nopens them again (`docs/protecting.md`).",
    ...(leftOut.length === 0
      ? []
      : [
          '## Left out\n\nFlaws of reach and weight that have no shield, and why.',
          table(
            ['flaw', 'component', 'why'],
            leftOut.map(({ id, component, reason }) => [id, component, reason]),
          ),
        ]),
  ].join('\n\n');
}

/** How, for all of them. */
const proven = `- **Whenever it is loaded**, through the engine that the gate runs: as written and byte by byte; what is made of requests also
  with its body in chunks, as JSON, YAML, protobuf and CBOR where the API server reads that, and over HTTP/2. Connections that a first
  response closes are judged by the reference evaluator and by a trace through the kernel table. \`portcullis shields test\` does the
  same.
- **Through a real gate**, over TLS: \`portcullis shields test --through-gate\` starts a gate with a worker process on loopback, a
  scripted server behind it, and callers with certificates and tokens of their own. What waits longer than two seconds is left out
  there, and counted.
- **Beside each other**: the neighbours of every shield pass all the others, and no shield, without what only a site can tell it,
  refuses any of the ordinary traffic in \`test/corpus/\`, in the same ways (but for writes of \`application/yaml\`, which
  CVE-2019-11253 and CVE-2019-11254 refuse and no kubectl sends).
- **Not by chance**: without the shield its attacks get through, but for those that the gate itself cuts; \`--coverage\` says which
  operands of the rules the tests leave untried.`;

function page(shield: Shield, advisory: Advisory | undefined): string {
  const { attacks, innocents } = counts(shield);
  const facts: [string, string][] = [
    ['component', shield.component],
    ['versions', advisory ? affected(advisory) : 'no advisory'],
    [
      'severity',
      `${shield.severity}${advisory?.cvss === undefined ? '' : `, CVSS ${advisory.cvss.toFixed(1)}`}`,
    ],
    ['tier', `${shield.tier}: ${shield.tier === 1 ? 'enforced' : 'in shadow'} unless a site says otherwise`],
    ['lifted when', lift(shield, advisory)],
    ['first response', firstResponse(shield)],
  ];
  const rules = shield.deeperDefense.rules.map((rule) =>
    [
      `### ${rule.id}`,
      `${actions[rule.action]}${rule.action === 'deny' ? ` with ${rule.status ?? 403}` : ''}, at ${rule.phase}: ${rule.message}`,
      `\`\`\`cel\n${rule.when.trim()}\n\`\`\``,
      ...(rule.rate
        ? [
            `Only when it has held more than ${rule.rate.over} times within ${rule.rate.within} for the same ${rule.rate.by.join(' and ')}.`,
          ]
        : []),
    ].join('\n\n'),
  );
  const stripped = shield.deeperDefense.stripHeaders ?? [];
  const byGate = shield.deeperDefense.byGate ?? [];
  const parameters = Object.entries(shield.parameters ?? {});
  return [
    `${generated}# ${shield.id}`,
    `**${shield.title}.** ${shield.description}`,
    table(['', ''], facts),
    '## What it does',
    ...(shield.firstResponse.services
      ? [
          `Closes, at the stage \`block\`, to all but API servers and whom rules name: ${shield.firstResponse.services.map(code).join(', ')}.`,
        ]
      : []),
    ...(stripped.length > 0 ? [`Takes out of every request: ${stripped.map(code).join(', ')}.`] : []),
    ...(byGate.length > 0
      ? [
          `The gate itself cuts what it is against, by its own refusals ${byGate.map(code).join(', ')} (\`docs/reference/refusals.md\`), within the site's limits (\`docs/reference/limits.md\`): for whoever is steered through it, in shadow too.`,
        ]
      : []),
    ...rules,
    ...(parameters.length > 0
      ? [
          '## Parameters',
          ...parameters.map(
            ([name, { meaning, default: values, site }]) =>
              `\`${name}\`: ${meaning} ${site ? 'Rules that name it are off until the site sets it; the tests use' : 'Without a change:'} ${values.map(code).join(', ') || 'none'}.`,
          ),
        ]
      : []),
    `## Who may be refused wrongly\n\n${shield.falsePositives}`,
    ...(shield.residual === undefined ? [] : [`## What it does not cover\n\n${shield.residual}`]),
    `## Proof\n\n${proof(shield, attacks, innocents)}`,
    (['attack', 'innocent'] as const)
      .flatMap((kind) => allTests(shield).filter((test) => test.kind === kind))
      .map((test) => `- ${test.kind}: ${test.name}`)
      .join('\n'),
    `## References\n\n${shield.references.map((url) => `- <${url}>`).join('\n')}`,
  ].join('\n\n');
}

const actions: Readonly<Record<Shield['deeperDefense']['rules'][number]['action'], string>> = {
  allow: 'Lets pass',
  log: 'Records',
  deny: 'Refuses',
  'close-client': 'Closes the connection',
  'close-server': 'Closes the connection',
  'close-client-and-server': 'Closes the connection',
};

function allTests({
  tests,
  reach = [],
}: Shield): readonly { readonly kind: string; readonly name: string }[] {
  return [...tests, ...reach];
}

function proof({ tests, reach = [] }: Shield, attacks: number, innocents: number): string {
  const how = [
    ...(tests.length > 0 ? ['each exchange in every way that there is ([how](README.md))'] : []),
    ...(reach.length > 0
      ? ['each connection by the reference evaluator and a trace through the kernel table']
      : []),
  ].join(', ');
  return `${attacks} attacks that it cuts, ${innocents} innocents that it lets pass, ${how}:`;
}

function counts(shield: Shield): { readonly attacks: number; readonly innocents: number } {
  const tests = allTests(shield);
  const attacks = tests.filter(({ kind }) => kind === 'attack').length;
  return { attacks, innocents: tests.length - attacks };
}

function phases({
  firstResponse: { services },
  deeperDefense: { rules, stripHeaders, byGate },
}: Shield): ReadonlySet<string> {
  return new Set([
    ...(services ? ['connections'] : []),
    ...(stripHeaders ? ['request fields'] : []),
    ...(byGate ? ['frames'] : []),
    ...rules.map(({ phase }) => phase),
  ]);
}

function affected(advisory: Advisory): string {
  return advisory.affected
    .flatMap(({ ranges }) => ranges)
    .map(range)
    .join('; ');
}

function range({ introduced, fixed, lastAffected }: VersionRange): string {
  const start = /^0(\.0)*$/.test(introduced) ? '' : `${introduced} to `;
  if (fixed !== undefined) return `${start || 'all '}before ${fixed}`;
  if (lastAffected !== undefined) return `${start || 'all '}up to ${lastAffected}`;
  return start === '' ? 'all, for good' : `from ${introduced} on`;
}

function lift({ lift: { when } }: Shield, advisory: Advisory | undefined): string {
  if (advisory?.affected.every(({ ranges }) => ranges.every(({ fixed }) => fixed === undefined)))
    return 'a person says so: no version has a fix';
  return when.includes('upgrade-probe')
    ? 'the version has the fix, and the safe probe proves it'
    : 'the version has the fix; there is no safe probe for it';
}

function firstResponse({ firstResponse: { services, pass, action } }: Shield): string {
  if (services) {
    const refused = action === 'drop' ? 'dropped' : 'refused';
    return `${services.map(code).join(', ')}: whoever is no API server, no break-glass and named by no rule is ${refused}`;
  }
  const others = action === 'drop' ? 'dropped' : 'refused';
  const doors = pass.length > 0 ? ` but ${pass.map(code).join(', ')}` : '';
  return `every remote caller${doors} is ${others}; the cluster's own traffic and break-glass go on`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function code(text: string): string {
  return `\`${text}\``;
}
