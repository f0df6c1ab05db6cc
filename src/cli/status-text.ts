// What `portcullis status` says to people: what is wrong first, then what acts where, and the rest in numbers.
import type { PartStatus, ServerStatus, StandingStatus, Status, WorkerStatus } from '../model/api.ts';
import { coverCounts } from './covers.ts';
import { alike, groupName } from './part-groups.ts';
import { duration, paragraph, printable, table } from './table.ts';

type Ago = (then: string | undefined) => string;
type Row = readonly string[];
type Standing = PartStatus['stages'][number] & Partial<Pick<StandingStatus, 'rides' | 'exemptions'>>;

/** A shield that was lifted is told of for so long. */
const liftedToldMs = 86_400_000;
/** Workers that are well are told of one by one up to this many. */
const manyWorkers = 12;

/** @param columns the terminal's width; undefined where there is none */
export function renderStatus(answer: Status, columns: number | undefined = process.stdout.columns): string {
  const now = Date.parse(answer.at);
  const ago: Ago = (then) => (then ? `${duration(Math.max(0, now - Date.parse(then)) / 1000)} ago` : 'never');
  const problems = problemsOf(answer, ago);
  const { rows, sound } = partRows(answer.parts, ago, now);
  const servers = answer.servers.flatMap((server) => serverRows(server, ago, now));
  const sections = [
    problems.length === 0 ? '' : table(['PROBLEM', 'WHAT'], problems, columns),
    servers.length + rows.length === 0
      ? 'No server is known: portcullis inventory apply FILE'
      : table(
          ['SERVER', 'VERSION', 'SHIELD', 'STAGE', 'MODE', 'SINCE', 'WHY'],
          [...servers, ...rows],
          columns,
        ),
    notes(answer, sound)
      .map((line) => paragraph(line, columns))
      .join('\n'),
    workersText(answer.workers, ago, columns),
    answer.names.length === 0
      ? ''
      : table(
          ['NAME', 'ADDRESSES', 'ANSWERED', 'DETAIL'],
          answer.names.map((one) => [
            one.name,
            `${one.addresses.length}`,
            ago(one.answeredAt),
            one.error === undefined ? 'ok' : `FAILED, the last answer stands: ${one.error}`,
          ]),
          columns,
        ),
    lastLines(answer, ago)
      .map((line) => paragraph(line, columns))
      .join('\n'),
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}

/** What somebody has to look after now. */
function problemsOf(answer: Status, ago: Ago): Row[] {
  const { servers, parts, workers, names, ending, bundles, bundleSource, policy, verifications } = answer;
  return [
    ...servers.flatMap(({ name, version, probeError, stages }): Row[] => {
      const naked = stages.filter(
        ({ exposed, severity, cover }) => exposed && severity === 'critical' && cover !== 'acts',
      );
      const troubles = byTrouble(stages.map((stage) => [stage.shield, stage.troubles]));
      return [
        ...(probeError === undefined
          ? []
          : [
              [
                name,
                `probe FAILED: ${probeError}; ${version === undefined ? 'nothing is known of it' : `${version} was read before`}`,
              ],
            ]),
        ...(naked.length === 0
          ? []
          : [[name, `critical, and nothing acts: ${naked.map(({ shield }) => shield).join(', ')}`]]),
        ...[...troubles].map(([trouble, shields]): Row => [name, `${trouble} (${shields.join(', ')})`]),
      ];
    }),
    ...[
      ...byTrouble(parts.map(({ name, stages }) => [name, stages.flatMap(({ troubles }) => troubles)])),
    ].map(([trouble, names]): Row => [some(names), trouble]),
    ...workers.flatMap((worker): Row[] => {
      const { ok, detail, applied, wanted } = worker;
      if (!ok) return [[workerName(worker), `NOT OK: ${detail}`]];
      return applied === wanted ? [] : [[workerName(worker), `has plan ${applied}, and ${wanted} is wanted`]];
    }),
    ...ending.map(({ role, name, ends, ended, todo }): Row => {
      const left = duration(Math.abs(Date.parse(ends) - Date.parse(answer.at)) / 1000);
      const when = ended ? `ENDED ${left} ago` : `ends in ${left}`;
      return [`${role} ${name}`, `its ${role === 'authority' ? 'certificate' : 'identity'} ${when}: ${todo}`];
    }),
    ...names.flatMap(({ name, error }): Row[] =>
      error === undefined ? [] : [[name, `does not resolve, the last answer stands: ${error}`]],
    ),
    ...(policy.confirmBy === undefined
      ? []
      : [
          [
            'policy',
            `generation ${policy.generation} is on trial until ${policy.confirmBy}: portcullis policy confirm`,
          ],
        ]),
    ...bundles.flatMap(({ name, version, expires, expired, state, why }): Row[] => {
      if (state === 'void') return [[`bundle ${name}`, `version ${version} is VOID: ${why}`]];
      return expired
        ? [[`bundle ${name}`, `version ${version} EXPIRED at ${expires}, and stays in force`]]
        : [];
    }),
    ...(bundleSource?.error === undefined
      ? []
      : [['bundles', `NOT FETCHED from ${bundleSource.url}: ${bundleSource.error}`]]),
    ...verifications.flatMap(({ cluster, id, at, failed }): Row[] =>
      failed === 0
        ? []
        : [[`verify ${cluster}`, `${failed} checks FAILED ${ago(at)}: portcullis verify show ${id}`]],
    ),
  ];
}

/** Who has each trouble. */
function byTrouble(
  all: readonly (readonly [who: string, troubles: readonly string[]])[],
): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [who, troubles] of all)
    for (const trouble of troubles) found.set(trouble, [...(found.get(trouble) ?? []), who]);
  return found;
}

function some(names: readonly string[]): string {
  const [first = '', ...more] = names;
  return more.length === 0 ? first : `${first} and ${more.length} more`;
}

function serverRows(server: ServerStatus, ago: Ago, now: number): Row[] {
  const { name, version, stages, exposures, probeError } = server;
  const unshielded = exposures
    .filter(
      ({ advisory, status }) =>
        (status === 'vulnerable' || status === 'vendor-unknown') &&
        !stages.some(({ shield }) => shield === advisory),
    )
    .map(() => ({ cover: 'none' as const, severity: '' }));
  const rows = standingRows(stages, unshielded, ago, now);
  const none = version ? 'no known flaw' : probeError === undefined ? 'not probed yet' : 'never read';
  return headed([name, version ?? '-'], rows.length === 0 ? [[none, '', '', '', '']] : rows);
}

/** The shields that act or were lifted lately, and a line that counts the rest. */
function standingRows(
  stages: readonly Standing[],
  unshielded: readonly { readonly cover: 'none'; readonly severity: string }[],
  ago: Ago,
  now: number,
): Row[] {
  const told = stages.filter(
    ({ cover, exposed, stage, since }) =>
      (cover === 'acts' && (exposed || stage !== 'lifted')) ||
      (stage === 'lifted' && now - Date.parse(since) < liftedToldMs),
  );
  const rest = [...stages.filter((one) => one.exposed && !told.includes(one)), ...unshielded];
  const blind = stages.filter(
    ({ exposed, cover, stage, rides }) =>
      exposed && cover === 'shadow' && rides === false && stage !== 'inspect',
  );
  const unset = stages.filter((one) => one.exposed && !told.includes(one) && one.unset.length > 0);
  const more = told.length === 0 ? '' : ' more';
  return [
    ...told.map(({ shield, stage, mode, since, why, troubles, exemptions = [] }) => {
      // Told of as problems, above.
      const reason = troubles.reduce((text, trouble) => text.replace(`; ${trouble}`, ''), why);
      const exempt = exemptions.length === 0 ? '' : `; exemptions: ${exemptions.join(', ')}`;
      return [shield, stage, mode, ago(since), `${reason}${exempt}`];
    }),
    ...(rest.length === 0
      ? []
      : [
          [
            `${rest.length}${more} ${rest.length === 1 ? 'flaw' : 'flaws'}`,
            '',
            '',
            '',
            [
              coverCounts(rest),
              ...(blind.length === 0
                ? []
                : [`in shadow and without steered callers to see: ${blind.length}`]),
              ...(unset.length === 0 ? [] : [`without parameters of your site: ${unset.length}`]),
            ].join('; '),
          ],
        ]),
  ];
}

/** Parts with something before them or a flaw; those without stand in `sound`, by name. */
function partRows(
  parts: readonly PartStatus[],
  ago: Ago,
  now: number,
): { readonly rows: Row[]; readonly sound: string[] } {
  const key = ({ version, stages, unshielded }: PartStatus) =>
    JSON.stringify([
      version,
      unshielded.length,
      stages.map(({ shield, stage, mode, cover, exposed }) => [shield, stage, mode, cover, exposed]),
    ]);
  const rows: Row[] = [];
  const sound: string[] = [];
  for (const group of alike(parts, (part) => part, key)) {
    const [{ version, stages }] = group;
    const unshielded = group[0].unshielded.map(() => ({ cover: 'none' as const, severity: '' }));
    const own = standingRows(stages, unshielded, ago, now);
    if (own.length === 0) sound.push(`${groupName(group)} ${version ?? ''}`.trimEnd());
    else rows.push(...headed([groupName(group), version ?? '-'], own));
  }
  return { rows, sound };
}

function headed(head: readonly string[], rows: readonly Row[]): Row[] {
  return rows.map((row, index) => [...(index === 0 ? head : head.map(() => '')), ...row]);
}

/** What stays true until somebody changes how things are set up, and the way on. */
function notes({ servers, parts, workers, kubectl }: Status, sound: readonly string[]): string[] {
  const gaps = new Map<string, string[]>();
  for (const { name, inspectionGap, uncovered } of servers) {
    const own = [
      ...(inspectionGap === undefined ? [] : [`not inspected: ${inspectionGap}`]),
      ...uncovered.map((way) => `not covered: ${way}`),
    ];
    for (const gap of own) gaps.set(gap, [...(gaps.get(gap) ?? []), name]);
  }
  const alerts = new Set(
    [...servers, ...parts].flatMap((each) =>
      each.stages.flatMap(({ shield, tier }) => (tier === 4 ? shield : [])),
    ),
  );
  const shieldOf = (value: string) => value.split('/')[0] ?? value;
  const findings = 'shadow_findings_total{rule="';
  const shadows = found(workers, findings, shieldOf, (shield) => !alerts.has(shield));
  const told = found(workers, findings, shieldOf, (shield) => alerts.has(shield));
  const exempted = found(workers, 'exemptions_used_total{exemption="', (value) => value);
  const stages = [...servers, ...parts].flatMap((each) => each.stages);
  const rest = stages.some(({ exposed, cover }) => exposed && cover !== 'acts');
  return [
    ...(sound.length === 0 ? [] : [`no known flaw: ${sound.join(', ')}`]),
    ...[...gaps].map(([gap, names]) => `${names.join(', ')}: ${gap}`),
    ...kubectlLines(kubectl),
    ...(shadows === ''
      ? []
      : [`shadows found: ${shadows}; to whom: portcullis mode SERVER SHIELD enforce (asks before it acts)`]),
    ...(told === '' ? [] : [`alerts: ${told}; portcullis events --kind incident`]),
    ...(exempted === '' ? [] : [`exemptions used: ${exempted}; portcullis exempt list`]),
    ...(rest || servers.some(({ exposures }) => exposures.length > stages.length)
      ? ['every flaw and what to do next: portcullis exposure']
      : []),
  ];
}

/** Their flaws are in the callers' own hands: only a newer kubectl helps. */
function kubectlLines(seen: Status['kubectl']): string[] {
  const old = seen.filter(({ advisories }) => advisories.length > 0);
  if (old.length === 0) return [];
  const shown = old
    .slice(0, 5)
    .map(({ version, connections }) => `${version} (${connections} connections)`)
    .join(', ');
  const ids = [...new Set(old.flatMap(({ advisories }) => advisories))].sort();
  const more = old.length > 5 ? ` and ${old.length - 5} more versions` : '';
  return [
    `kubectl with known flaws in use: ${shown}${more}; ${ids.join(', ')}: portcullis advisories kubectl`,
  ];
}

/** Of all gates, the most first: `CVE-2020-8559 41, …`. */
function found(
  workers: readonly WorkerStatus[],
  prefix: string,
  name: (label: string) => string,
  wanted: (name: string) => boolean = () => true,
): string {
  const sums = new Map<string, number>();
  for (const { counters } of workers)
    for (const [sample, count] of Object.entries(counters)) {
      if (!sample.startsWith(prefix) || count === 0) continue;
      const key = name(sample.slice(prefix.length, -2));
      if (!wanted(key)) continue;
      sums.set(key, (sums.get(key) ?? 0) + count);
    }
  const all = [...sums].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const shown = all.slice(0, 5).map(([key, count]) => `${key} ${count}`);
  return [...shown, ...(all.length > 5 ? [`and ${all.length - 5} more`] : [])].join(', ');
}

function workerName({ kind, name }: WorkerStatus): string {
  return `${kind} ${name}`;
}

function workersText(workers: readonly WorkerStatus[], ago: Ago, columns: number | undefined): string {
  if (workers.length === 0) return 'No agents or gates have enrolled: portcullis token --help';
  const well = (worker: WorkerStatus) => worker.ok && worker.applied === worker.wanted;
  const ill = workers.filter((worker) => !well(worker));
  const good = workers.filter(well);
  const shown = workers.length > manyWorkers ? ill : [...ill, ...good];
  const folded = workers.length - shown.length;
  return [
    ...(shown.length === 0
      ? []
      : [
          table(
            ['WORKER', 'STATE', 'PLAN', 'SEEN', 'DETAIL'],
            shown.map((worker) => [
              workerName(worker),
              worker.ok ? 'ok' : 'NOT OK',
              worker.applied === worker.wanted
                ? `${worker.applied}`
                : `${worker.applied}, wanted ${worker.wanted}`,
              ago(worker.seenAt),
              worker.detail,
            ]),
            columns,
          ),
        ]),
    ...(folded === 0
      ? []
      : [
          `${folded} ${shown.length === 0 ? '' : 'more '}agents and gates are ok, with the plan that is wanted`,
        ]),
  ].join('\n');
}

function lastLines({ servers, bundles, sessions, incidents, log }: Status, ago: Ago): string[] {
  const used = bundles
    .filter(({ state }) => state !== 'void')
    .map(
      ({ name, version, label, key, usedAt }) =>
        `bundle ${name} ${version}${label === undefined ? '' : ` (${label})`}: signed by key ${key}, used ${ago(usedAt)}`,
    );
  const probed = servers.flatMap(({ probedAt }) => probedAt ?? []).sort()[0];
  const { accepted, steered, denied } = sessions;
  return [
    ...used.map(printable),
    `${probed === undefined ? '' : `probed: ${servers.length === 1 ? '' : 'all since '}${ago(probed)}   `}sessions: ${accepted} accepted, ${steered} steered, ${denied} denied   incidents: ${incidents}   log: ${log.entries} entries`,
  ];
}
