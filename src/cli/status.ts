// portcullis status
import type { ServerStatus, Status } from '../model/api.ts';
import { adminOptions, withAdmin } from './admin.ts';
import type { Command } from './command.ts';
import { duration, printable, table } from './table.ts';

export const status: Command = {
  name: 'status',
  summary: 'servers with their version, flaws and stages; agents and gates with the plan they enforce',
  options: adminOptions,
  arity: [0, 0],
  async run(context) {
    const answer = await withAdmin(context, (admin) => admin.status());
    context.print(context.json ? JSON.stringify(answer) : renderStatus(answer));
    return 0;
  },
};

export function renderStatus(answer: Status): string {
  const now = Date.parse(answer.at);
  const ago = (then: string | undefined) =>
    then ? `${duration(Math.max(0, now - Date.parse(then)) / 1000)} ago` : 'never';
  const servers = table(
    ['SERVER', 'VERSION', 'PROBED', 'SHIELD', 'STAGE', 'MODE', 'SINCE', 'WHY'],
    answer.servers.flatMap((server) => serverRows(server, ago)),
  );
  const workers = answer.workers.length
    ? table(
        ['WORKER', 'STATE', 'PLAN', 'SEEN', 'DETAIL'],
        answer.workers.map((worker) => [
          `${worker.kind} ${worker.name}`,
          worker.ok ? 'ok' : 'NOT OK',
          worker.applied === worker.wanted
            ? `${worker.applied}`
            : `${worker.applied}, wanted ${worker.wanted}`,
          ago(worker.seenAt),
          worker.detail,
        ]),
      )
    : 'No agents or gates have enrolled: portcullis token --help';
  const { accepted, steered, denied } = answer.sessions;
  const names = answer.names.length
    ? [
        '',
        table(
          ['NAME', 'ADDRESSES', 'ANSWERED', 'DETAIL'],
          answer.names.map((one) => [
            one.name,
            `${one.addresses.length}`,
            ago(one.answeredAt),
            one.error === undefined ? 'ok' : `FAILED, the last answer stands: ${one.error}`,
          ]),
        ),
      ]
    : [];
  return [
    servers,
    '',
    workers,
    ...names,
    '',
    ...(answer.policy.confirmBy === undefined
      ? []
      : [
          `policy generation ${answer.policy.generation} is on trial until ${answer.policy.confirmBy}: portcullis policy confirm`,
        ]),
    ...bundleLines(answer, ago),
    `sessions: ${accepted} accepted, ${steered} steered, ${denied} denied   incidents: ${answer.incidents}   log: ${answer.log.entries} entries`,
  ].join('\n');
}

function serverRows(server: ServerStatus, ago: (then: string | undefined) => string): string[][] {
  const flaws = server.exposures.filter((e) => e.status === 'vulnerable' || e.status === 'vendor-unknown');
  const head = [
    server.name,
    server.version ?? '-',
    server.probeError ? `FAILED: ${server.probeError}` : ago(server.probedAt),
  ];
  const stages = server.stages.map((s) => [
    s.shield,
    s.stage,
    s.rides ? `${s.mode}, rides along` : s.mode,
    ago(s.since),
    s.exemptions.length === 0 ? s.why : `${s.why}; exemptions: ${s.exemptions.join(', ')}`,
  ]);
  const unshielded = flaws
    .filter((flaw) => !server.stages.some((stage) => stage.shield === flaw.advisory))
    .map((flaw) => [flaw.advisory, flaw.status, '', '', flaw.reason]);
  const rows = [...stages, ...unshielded];
  if (rows.length === 0) rows.push([server.version ? 'no known flaw' : 'not probed yet', '', '', '', '']);
  if (server.inspectionGap !== undefined) rows.push(['not inspected', '', '', '', server.inspectionGap]);
  for (const gap of server.uncovered) rows.push(['not covered', '', '', '', gap]);
  return rows.map((row, index) => [...(index === 0 ? head : ['', '', '']), ...row]);
}

function bundleLines({ bundles, bundleSource }: Status, ago: (then: string | undefined) => string): string[] {
  const lines = bundles.map(({ name, version, label, key, usedAt, expires, expired, state, why }) => {
    const title = `${name} ${version}${label === undefined ? '' : ` (${label})`}`;
    if (state === 'void') return `BUNDLE VOID: ${title}: ${why}`;
    return `bundle ${title}: signed by key ${key}, used ${ago(usedAt)}${expired ? `, EXPIRED at ${expires}` : ''}`;
  });
  if (bundleSource?.error !== undefined)
    lines.push(`BUNDLE NOT FETCHED from ${bundleSource.url}: ${bundleSource.error}`);
  return lines.map(printable);
}
