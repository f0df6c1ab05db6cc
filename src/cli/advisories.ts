// portcullis advisories, portcullis advisories add
import { readText } from '../platform/files.ts';
import { adminOptions, withAdmin } from './admin.ts';
import type { Command } from './command.ts';
import { table } from './table.ts';

export const advisories: Command = {
  name: 'advisories',
  summary: 'the flaws that the controller knows',
  options: adminOptions,
  arity: [0, 0],
  async run(context) {
    const known = await withAdmin(context, (admin) => admin.advisories());
    if (context.json) context.print(JSON.stringify({ advisories: known }));
    else {
      context.print(
        table(
          ['ADVISORY', 'SEVERITY', 'CVSS', 'COMPONENT', 'SUMMARY'],
          known.map((one) => [
            one.id,
            one.severity,
            one.cvss?.toFixed(1) ?? '-',
            [...new Set(one.affected.map((each) => each.component))].join(', '),
            one.summary,
          ]),
        ),
      );
    }
    return 0;
  },
};

export const advisoriesAdd: Command = {
  name: 'advisories add',
  summary: 'publish an advisory to the controller: servers that have the flaw are answered at once',
  usage: 'FILE ...',
  details:
    'Each FILE is one OSV record (JSON). A record that is known already, unchanged, changes nothing; a newer one replaces it.\n' +
    'All files are read and checked before the first is sent.',
  options: adminOptions,
  arity: [1, 1000],
  async run(context) {
    const records = context.args.map((file) => ({ place: file, record: readText(file) }));
    const added = await withAdmin(context, async (admin) => {
      const ids: string[] = [];
      for (const { place, record } of records) ids.push((await admin.addAdvisory({ place, record })).id);
      return ids;
    });
    context.print(
      context.json ? JSON.stringify({ ok: true, advisories: added }) : `known: ${added.join(', ')}`,
    );
    return 0;
  },
};
