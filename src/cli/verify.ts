// portcullis verify: is a shield effective, is there a way around, does ordinary work pass?
import { Failure } from '../base/failure.ts';
import type { Check, SignedVerification, Verification } from '../model/verification.ts';
import type { Admin } from '../platform/controller-client.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, type Context, required } from './command.ts';
import { table } from './table.ts';

export const verify: Command = {
  name: 'verify',
  summary:
    'look at a cluster from outside: are the shields effective, is there a way around, does ordinary work pass',
  usage: 'CLUSTER',
  details: `Run it where callers are, not on the cluster's or the controller's own hosts, with the kubeconfig of an ordinary user.
It changes nothing: what looks like an attack carries no credentials and asks for dry runs, and ordinary work only reads. Its
probes are incidents like any other, from this machine's address. The report is signed and kept (portcullis verify list), and
compared with the last one from the same place. Exit code 3 when a check failed.`,
  options: {
    ...adminOptions,
    kubeconfig: {
      type: 'string',
      value: 'FILE',
      help: 'kubeconfig of an ordinary user of the cluster (required)',
    },
    context: {
      type: 'string',
      value: 'NAME',
      help: 'the context of the kubeconfig (default: the current one)',
    },
    source: {
      type: 'string',
      value: 'ADDRESS',
      help: 'the address that the cluster sees this machine under, where that is not its own',
    },
    'no-keep': { type: 'boolean', help: 'only show the report' },
  },
  arity: [1, 1],
  async run(context) {
    const [{ runChecks }, { readKubeconfig }] = await Promise.all([
      import('./verify-checks.ts'),
      import('../platform/kubeconfig.ts'),
    ]);
    const [cluster = ''] = context.args;
    const config = readKubeconfig(required(context, 'kubeconfig'), context.option('context'));
    return withAdmin(context, async (admin) => {
      const plan = await admin.verifyPlan(cluster);
      const seen = await runChecks({
        plan,
        config,
        note: context.note,
        async judge(source, server) {
          const answer = await admin.explain({ from: context.option('source') ?? source, to: server });
          const [caller] = answer.callers;
          if (!caller) throw new Failure('bad-request', `no rule says anything of callers from ${source}`);
          return { verdict: caller.verdict, rule: caller.rule };
        },
      });
      const report = {
        cluster,
        at: new Date().toISOString(),
        versions: Object.fromEntries(plan.servers.map(({ name, version = '' }) => [name, version])),
        ...seen,
      };
      const former = await formerFrom(admin, report);
      const id = context.flag('no-keep') ? undefined : await admin.keepVerification(report);
      const changes = former ? changesSince(former.report.checks, report.checks) : [];
      if (context.json) context.print(JSON.stringify({ id, report, changes }));
      else {
        show(context, report.checks);
        for (const { server, source, verdict, rule } of report.from)
          context.print(`${server} was looked at from ${source}, which ${rule} says to ${verdict}`);
        if (former) showChanges(context, `since ${former.report.at}`, changes);
        context.print(`${summary(report.checks)}${id === undefined ? '' : `; kept as ${id}`}`);
      }
      return report.checks.some(({ result }) => result === 'fail') ? 3 : 0;
    });
  },
};

export const verifyList: Command = {
  name: 'verify list',
  summary: 'the verifications that were kept, newest first',
  usage: '[CLUSTER]',
  options: adminOptions,
  arity: [0, 1],
  async run(context) {
    const kept = await withAdmin(context, (admin) => admin.verifications(context.args[0]));
    if (context.json) context.print(JSON.stringify({ verifications: kept }));
    else if (kept.length === 0) context.print('Nothing was verified yet: portcullis verify CLUSTER');
    else {
      const rows = kept.map(({ id, cluster, at, by, results }) => [
        id,
        cluster,
        at,
        by,
        ...(['pass', 'fail', 'open', 'skipped'] as const).map((result) => String(results[result] ?? 0)),
      ]);
      context.print(table(['ID', 'CLUSTER', 'AT', 'BY', 'PASS', 'FAIL', 'OPEN', 'SKIPPED'], rows));
    }
    return 0;
  },
};

export const verifyShow: Command = {
  name: 'verify show',
  summary: 'one verification, with its signature checked; and what differs from another',
  usage: 'ID [OLDER]',
  options: adminOptions,
  arity: [1, 2],
  async run(context) {
    const { isSigned } = await import('../platform/report-signature.ts');
    const [id = '', older] = context.args;
    const [one, other] = await withAdmin(context, (admin) =>
      Promise.all([admin.verification(id), older === undefined ? undefined : admin.verification(older)]),
    );
    const good = (signed: SignedVerification) => isSigned(signed);
    const signed = good(one) && (!other || good(other));
    const changes = other ? changesSince(other.report.checks, one.report.checks) : [];
    if (context.json) context.print(JSON.stringify({ ...one, signed, ...(other ? { changes } : {}) }));
    else {
      show(context, one.report.checks);
      if (other) showChanges(context, `since ${other.report.at}`, changes);
      const { cluster, at, by, checks } = one.report;
      context.print(
        `${cluster}, ${at}, by ${by}: ${summary(checks)}; ${signed ? 'the signature is good' : 'THE SIGNATURE IS WRONG'}`,
      );
    }
    return signed ? 0 : 3;
  },
};

function show(context: Context, checks: readonly Check[]): void {
  const rows = checks.map(({ id, result, detail }) => [result === 'fail' ? 'FAIL' : result, id, detail]);
  context.print(table(['RESULT', 'CHECK', 'DETAIL'], rows));
}

function summary(checks: readonly Check[]): string {
  const count = (wanted: Check['result']) => checks.filter(({ result }) => result === wanted).length;
  return `${count('pass')} passed, ${count('fail')} failed, ${count('open')} open, ${count('skipped')} skipped`;
}

type Change = { readonly id: string; readonly before?: Check['result']; readonly now?: Check['result'] };

/** Checks whose result is another than it was, that are new, or gone. */
function changesSince(before: readonly Check[], now: readonly Check[]): readonly Change[] {
  const former = new Map(before.map(({ id, result }) => [id, result]));
  const present = new Map(now.map(({ id, result }) => [id, result]));
  return [...new Set([...former.keys(), ...present.keys()])].flatMap((id): Change[] => {
    const [was, is] = [former.get(id), present.get(id)];
    if (was === is) return [];
    return [{ id, ...(was === undefined ? {} : { before: was }), ...(is === undefined ? {} : { now: is }) }];
  });
}

function showChanges(context: Context, since: string, changes: readonly Change[]): void {
  context.print(changes.length === 0 ? `nothing changed ${since}` : `changed ${since}:`);
  for (const { id, before = 'not there', now = 'not there' } of changes)
    context.print(`  ${id}: ${before} → ${now}`);
}

/** Reports that are looked through for one from the same place. */
const lookedThrough = 10;

/** The last report of the cluster that was made from where this one was: from elsewhere other things are seen. */
async function formerFrom(
  admin: Admin,
  { cluster, from }: Pick<Verification, 'cluster' | 'from'>,
): Promise<SignedVerification | undefined> {
  const sources = (all: Verification['from']) =>
    all.map(({ server, source }) => `${server} ${source}`).join();
  for (const { id } of (await admin.verifications(cluster)).slice(0, lookedThrough)) {
    const signed = await admin.verification(id);
    if (sources(signed.report.from) === sources(from)) return signed;
  }
  return undefined;
}
