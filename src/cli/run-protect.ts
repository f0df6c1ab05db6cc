// From a kubeconfig to running services on the API server's host, for `protect`.
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { checkHost } from '../agent/check-host.ts';
import { localAddresses } from '../agent/host.ts';
import { parseCidr } from '../base/cidr.ts';
import { describeFailure } from '../base/failure.ts';
import { lockFolder } from '../platform/folder-lock.ts';
import { readCluster } from '../platform/kube-cluster.ts';
import { run } from '../platform/run.ts';
import { inventoryOf, isLoopback, policyOf } from './cluster-documents.ts';
import { type Context, dataDir, type ExitCode, endpoint, required, wrongUsage } from './command.ts';
import { writeGenerated } from './generated-file.ts';
import { checkPki, runUp } from './run-up.ts';

/** @throws Failure before anything is written or started: usage, the host, the identity files, the cluster */
export async function runProtect(context: Context): Promise<ExitCode> {
  const kubeconfig = required(context, 'kubeconfig');
  const breakGlass = context.list('break-glass');
  for (const text of breakGlass) checkBreakGlass(text);
  const listen = context.option('listen') ?? '127.0.0.1:7443';
  endpoint('listen', listen);
  const dryRun = context.flag('dry-run');
  const gateUser = context.option('gate-user');
  const pki = resolve(context.option('pki') ?? '/etc/kubernetes/pki');
  if (!dryRun) {
    await checkHost();
    checkPki(pki);
  }
  context.note(`reading the cluster with ${kubeconfig}`);
  const facts = await readCluster(kubeconfig);
  const inventory = inventoryOf(
    facts,
    (await localAddresses(run)).filter((address) => !isLoopback(address)),
    {
      caFile: join(pki, 'ca.crt'),
      ...(facts.serverName ? { serverName: facts.serverName } : {}),
    },
    breakGlass,
  );
  const policy = policyOf(breakGlass.length > 0, context.flag('observe'));
  if (dryRun) {
    context.print(
      context.json
        ? JSON.stringify({ inventory, policy })
        : `# inventory.yaml\n${stringify(inventory)}\n# policy.yaml\n${stringify(policy)}`,
    );
    return 0;
  }
  const [server] = inventory.servers;
  const ways = [server, ...(server?.also ?? [])].map((way) => way && `${way.address} port ${way.port}`);
  context.note(`${server?.name} is reached at ${ways.join(', ')}; ${facts.nodes.length} nodes`);
  const folder = dataDir(context);
  const lock = lockFolder(folder); // nothing is written under a running instance
  const files = { inventory: join(folder, 'inventory.yaml'), policy: join(folder, 'policy.yaml') };
  try {
    for (const [file, value] of [
      [files.inventory, inventory],
      [files.policy, policy],
    ] as const)
      context.note(writeGenerated(file, stringify(value)));
  } finally {
    lock.release();
  }
  const nodes = [`${server?.cluster ?? ''}=${resolve(kubeconfig)}`];
  return runUp(context, {
    dataDir: folder,
    host: server?.host ?? '',
    ...files,
    listen,
    pki,
    gateUser,
    nodes,
  });
}

/** @throws Failure `usage` */
function checkBreakGlass(text: string): void {
  try {
    parseCidr(text);
  } catch (error) {
    throw wrongUsage(`--break-glass: ${describeFailure(error)}`);
  }
}
