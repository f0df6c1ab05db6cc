// What `portcullis exposure` says to people: gravest first, parts that stand alike together, what nobody can end folded.
import type { ExposedServer } from '../model/api.ts';
import { isOpen } from '../policy/open-exposure.ts';
import { coverCounts } from './covers.ts';
import { alike, groupName } from './part-groups.ts';
import { duration, paragraph, table } from './table.ts';

export type Wanted = {
  /** Also what no release fixes and nothing stands before. */
  readonly all: boolean;
  /** Ms since the epoch. */
  readonly now: number;
  readonly columns?: number | undefined;
};

export function renderExposure(
  rows: readonly ExposedServer[],
  unread: readonly string[],
  { all, now, columns = process.stdout.columns }: Wanted,
): string {
  const shown = all ? rows : rows.filter((row) => row.cover === 'acts' || isOpen(row));
  const folded = rows.filter((row) => !shown.includes(row));
  const open = rows.filter(isOpen);
  const lines = [
    ...(rows.length === 0 ? [] : [counted(rows, open.length)]),
    ...advice(open),
    ...(folded.length === 0
      ? []
      : [
          `${folded.length} that no release fixes and no shield acts against are not shown (--all): ${coverCounts(folded)}`,
        ]),
    ...(unread.length === 0
      ? []
      : [
          `Nothing is known of ${unread.join(', ')}: the version was never read (portcullis status says why)`,
        ]),
    ...(shown.some(({ status }) => status === 'vendor-unknown')
      ? ['(?): the version may have the flaw, and only its vendor can say']
      : []),
  ];
  if (rows.length === 0 && unread.length === 0) return 'No server is known to have a flaw.';
  return [
    ...(shown.length === 0 ? [] : [rowsText(shown, now, columns)]),
    ...lines.map((line) => paragraph(line, columns)),
  ].join('\n');
}

/** Every place that has a flaw, parts that stand alike together; undefined when there is none. */
export function placesText(
  rows: readonly ExposedServer[],
  now: number,
  columns: number | undefined,
): string | undefined {
  return rows.length === 0 ? undefined : rowsText(rows, now, columns);
}

function rowsText(rows: readonly ExposedServer[], now: number, columns: number | undefined): string {
  const key = ({ advisory, version, status, stage, mode, cover, gap }: ExposedServer) =>
    JSON.stringify([advisory, version, status, stage, mode, cover, gap]);
  const groups = alike(rows, ({ server, ...row }) => ({ ...row, name: server }), key);
  return table(
    ['ADVISORY', 'SEVERITY', 'SERVER', 'VERSION', 'SINCE', 'STAGE', 'SHIELD', 'STAYS OPEN'],
    groups.map((group) => {
      const [{ advisory, severity, cvss, version, status, since, stage, cover, unenforced, unset, gap }] =
        group;
      return [
        advisory,
        cvss === undefined ? severity : `${severity} ${cvss.toFixed(1)}`,
        groupName(group.map(({ server, ...row }) => ({ ...row, name: server })) as never),
        status === 'vendor-unknown' ? `${version} (?)` : version,
        since === undefined ? '-' : duration(Math.max(0, now - Date.parse(since)) / 1000),
        stage ?? '-',
        words[cover],
        // Where nothing acts everything stays open: the column before says so.
        [
          ...(cover === 'acts' || unenforced ? [gap] : []),
          ...(unset === undefined || cover === 'none'
            ? []
            : [`rules are off until the policy sets ${unset.join(', ')}`]),
        ]
          .filter((clause, index, all) => all.indexOf(clause) === index)
          .join('; '),
      ];
    }),
    columns,
  );
}

const words: Readonly<Record<ExposedServer['cover'], string>> = {
  acts: 'acts',
  waits: 'waits for you',
  shadow: 'in shadow',
  alert: 'only tells',
  none: 'none',
};

function counted(rows: readonly ExposedServer[], open: number): string {
  const of = (isServer: boolean) =>
    new Set(
      rows
        .filter(({ component }) => (component === 'kube-apiserver') === isServer)
        .map(({ server }) => server),
    ).size;
  const [servers, parts] = [of(true), of(false)];
  const others = parts === 0 ? '' : ` and ${parts} other ${parts === 1 ? 'part' : 'parts'}`;
  return `${rows.length} exposures of ${servers} ${servers === 1 ? 'server' : 'servers'}${others}; ${open} left undone`;
}

/** What to do about those that nothing stands before, the quickest first. */
function advice(open: readonly ExposedServer[]): string[] {
  const of = (cover: ExposedServer['cover']) => open.filter((row) => row.cover === cover);
  const [waiting, shadows, told, bare] = [of('waits'), of('shadow'), of('alert'), of('none')];
  const [first] = waiting;
  return [
    ...(first
      ? [
          `  ${waiting.length} wait for your word: portcullis stage ${first.next?.at ?? first.server} ${first.advisory} ${first.next?.stage ?? 'inspect'} --why "…", and so on`,
        ]
      : []),
    ...(shadows[0]
      ? [
          `  ${shadows.length} in shadow: portcullis mode SERVER ${shadows[0].advisory} enforce shows first what it would refuse`,
        ]
      : []),
    ...(told.length + bare.length === 0
      ? []
      : [`  ${told.length + bare.length} that no shield can close: only the upgrade helps`]),
  ];
}
