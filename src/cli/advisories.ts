// portcullis advisories, portcullis advisories add
import { describeFailure, Failure } from '../base/failure.ts';
import { changeOf } from '../intel/changes.ts';
import { readAdvisory } from '../intel/read.ts';
import type { Advisory, AdvisoryChange, VersionRange } from '../model/advisory.ts';
import type { AdvisoryAnswer } from '../model/api.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { readSource } from './advisory-sources.ts';
import type { Command } from './command.ts';
import { table } from './table.ts';

export const advisories: Command = {
  name: 'advisories',
  summary:
    'the flaws that the controller knows: components, affected and fixed versions, whether there is a shield',
  usage: '[ADVISORY|COMPONENT]',
  details:
    'Versions are affected from the first to before the second, which has the fix; `for good` means that no version has one.',
  options: adminOptions,
  arity: [0, 1],
  async run(context) {
    const answer = await withAdmin(context, (admin) => admin.advisories());
    const shielded = new Set(answer.shielded);
    const [only] = context.args;
    const known = answer.advisories.filter(
      ({ id, affected }) =>
        only === undefined || id === only || affected.some(({ component }) => component === only),
    );
    if (only !== undefined && known.length === 0) {
      throw new Failure(
        'unknown-name',
        `no advisory is called '${only}', and none is about such a component`,
        {
          hint: 'portcullis advisories shows them all',
        },
      );
    }
    if (context.json) {
      const advisories = known.map((one) => ({ ...one, fixed: fixedIn(one), shield: shielded.has(one.id) }));
      context.print(JSON.stringify({ advisories }));
      return 0;
    }
    context.print(
      table(
        ['ADVISORY', 'SEVERITY', 'COMPONENT', 'SHIELD', 'SUMMARY; AFFECTED VERSIONS'],
        known.map((one) => [
          one.id,
          one.cvss === undefined ? one.severity : `${one.severity} ${one.cvss.toFixed(1)}`,
          [...new Set(one.affected.map((each) => each.component))].join(', '),
          shielded.has(one.id) ? 'yes' : 'no',
          `${one.summary}; ${affectedText(one) || 'its source names no versions'}`,
        ]),
      ),
    );
    return 0;
  },
};

function affectedText({ affected }: Advisory): string {
  return [...new Set(affected.flatMap(({ ranges }) => ranges.map(rangeText)))].join(', ');
}

function rangeText({ introduced, fixed, lastAffected }: VersionRange): string {
  const start = /^0(\.0)*$/.test(introduced) ? '' : introduced;
  if (fixed !== undefined) return start === '' ? `<${fixed}` : `${start}-<${fixed}`;
  if (lastAffected !== undefined) return `${start || '0'}-${lastAffected}`;
  return start === '' ? 'all, for good' : `${start} on, for good`;
}

/** The first version with the fix, of each branch that has one. */
function fixedIn({ affected }: Advisory): string[] {
  return [...new Set(affected.flatMap(({ ranges }) => ranges.flatMap(({ fixed }) => fixed ?? [])))];
}

type Row = {
  readonly place: string;
  readonly advisory?: string;
  readonly outcome: AdvisoryChange['outcome'] | 'refused';
  readonly changes: readonly string[];
};

export const advisoriesAdd: Command = {
  name: 'advisories add',
  summary: 'publish advisories to the controller: servers that have a flaw are answered at once',
  usage: 'FILE|FOLDER|URL ...',
  details:
    'Reads OSV records, CVE Program records (format 5), the official Kubernetes CVE feed (JSON Feed) and stackrox/k8s-cves\n' +
    '(YAML). A folder is read with all below it; a URL must be https. A record that is known already, unchanged, changes\n' +
    'nothing; a newer one replaces it, and what it changes is shown and logged. A record that can not be used is refused\n' +
    'with its reason, the others are published, and the exit code is 3.',
  options: {
    ...adminOptions,
    'dry-run': { type: 'boolean', help: 'show what would change; publish nothing' },
  },
  arity: [1, 1000],
  async run(context) {
    const dryRun = context.flag('dry-run');
    const found = (await Promise.all(context.args.map(readSource))).flat();
    const rows = await withAdmin(context, async (admin) => {
      const known = new Map((await admin.advisories()).advisories.map((advisory) => [advisory.id, advisory]));
      const done: Row[] = [];
      for (const [index, { place, record }] of found.entries()) {
        if (index > 0 && index % 100 === 0) context.note(`${index} of ${found.length} records`);
        done.push(
          await rowOf(place, found.length, async () => {
            // Read here first: what can't be used is told before anything is sent.
            const advisory = readAdvisory(record, place);
            if (!dryRun) return admin.addAdvisory({ place, record });
            const change = { advisory, ...changeOf(known.get(advisory.id), advisory) };
            if (change.outcome !== 'unchanged') known.set(advisory.id, advisory);
            return change;
          }),
        );
      }
      return done;
    });
    const refused = rows.filter(({ outcome }) => outcome === 'refused').length;
    if (context.json) context.print(JSON.stringify({ ok: refused === 0, records: rows }));
    else {
      const told = rows.filter(({ outcome }) => outcome !== 'unchanged');
      if (told.length > 0) {
        context.print(
          table(
            ['ADVISORY', 'OUTCOME', 'WHAT'],
            told.map((row) => [row.advisory ?? row.place, row.outcome, row.changes.join('; ')]),
          ),
        );
      }
      const count = (outcome: Row['outcome']) => rows.filter((row) => row.outcome === outcome).length;
      context.print(
        `${rows.length} records: ${count('added')} added, ${count('changed')} changed, ${count('unchanged')} unchanged, ${refused} refused${dryRun ? ' (dry run: nothing was published)' : ''}`,
      );
    }
    return refused === 0 ? 0 : 3;
  },
};

const recordFaults: ReadonlySet<string> = new Set(['bad-advisory', 'bad-yaml', 'body-too-large']);

/** Only what one of many records is refused for makes a row; anything else ends the command. */
async function rowOf(place: string, of: number, publish: () => Promise<AdvisoryAnswer>): Promise<Row> {
  try {
    const { advisory, outcome, changes } = await publish();
    return { place, advisory: advisory.id, outcome, changes };
  } catch (error) {
    if (!(error instanceof Failure) || of === 1 || !recordFaults.has(error.code)) throw error;
    return { place, outcome: 'refused', changes: [describeFailure(error)] };
  }
}
