// portcullis exposure
import { adminOptions, withAdmin } from './admin.ts';
import type { Command } from './command.ts';
import { duration, table } from './table.ts';

export const exposure: Command = {
  name: 'exposure',
  summary:
    'which servers, hosts and other parts have which flaws, since when, what stands before them, and what stays open',
  usage: '[SERVER|HOST|COMPONENT|ADVISORY]',
  details:
    'Gravest first. `vulnerable`: the version has the flaw; `vendor-unknown`: it may, and only its vendor can say.\n' +
    'Parts beside the API servers are named for their host or cluster: kubelet/node-1, ingress-nginx/prod.\n' +
    'The exit code is 3 while anything is exposed with nothing standing before it, or the version of a server, or of a\n' +
    'kubelet in a cluster where others were read, is not known.',
  options: adminOptions,
  arity: [0, 1],
  async run(context) {
    const answer = await withAdmin(context, (admin) => admin.exposure());
    const [only] = context.args;
    const { exposures } = answer;
    const unread = answer.unread.filter((server) => only === undefined || server === only);
    const rows = exposures.filter(
      (row) =>
        only === undefined || [row.server, row.advisory, row.host, row.component, row.cluster].includes(only),
    );
    // A block stands whatever the mode, unless the shield is off.
    const stands = ({ stage, mode, unenforced }: (typeof rows)[number]) =>
      !unenforced && mode !== 'off' && (stage === 'block' || (stage === 'inspect' && mode !== 'shadow'));
    const open = rows.filter((row) => !stands(row));
    if (context.json) context.print(JSON.stringify({ exposures: rows, unread }));
    else if (rows.length === 0 && unread.length === 0) context.print('No server is known to have a flaw.');
    else if (rows.length > 0) {
      const now = Date.now();
      const shown = rows.map((row) => [
        row.advisory,
        row.cvss === undefined ? row.severity : `${row.severity} ${row.cvss.toFixed(1)}`,
        row.server,
        row.version,
        row.status,
        row.since === undefined ? '-' : `${duration(Math.max(0, now - Date.parse(row.since)) / 1000)} ago`,
        row.stage ?? '-',
        row.mode ?? '-',
        row.gap,
      ]);
      const headings = [
        'ADVISORY',
        'SEVERITY',
        'SERVER',
        'VERSION',
        'STATUS',
        'SINCE',
        'STAGE',
        'MODE',
        'STAYS OPEN',
      ];
      context.print(table(headings, shown));
      const of = (isServer: boolean) =>
        new Set(
          rows
            .filter(({ component }) => (component === 'kube-apiserver') === isServer)
            .map(({ server }) => server),
        ).size;
      const [servers, parts] = [of(true), of(false)];
      context.print(
        `${rows.length} exposures of ${servers} ${servers === 1 ? 'server' : 'servers'}${parts === 0 ? '' : ` and ${parts} other ${parts === 1 ? 'part' : 'parts'}`}, ${open.length} with nothing before them`,
      );
    }
    if (!context.json && unread.length > 0) {
      context.print(
        `Nothing is known of ${unread.join(', ')}: the version was never read (portcullis status says why)`,
      );
    }
    return open.length + unread.length === 0 ? 0 : 3;
  },
};
