// portcullis controller
import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  type Command,
  type Context,
  dataDir,
  dataOption,
  endpoint,
  wholeNumber,
  wrongUsage,
} from './command.ts';
import { reportReady } from './supervise.ts';

const root = join(import.meta.dirname, '../..');

export const controller: Command = {
  name: 'controller',
  summary: 'run the controller: inventory, probing, stages, plans, the log',
  details:
    'Runs until interrupted. Agents and gates keep enforcing their last plan while it is away. The first start makes the\n' +
    'CA and an admin identity in DATA-DIR/controller; the inventory and policy files are put in force at every start.',
  options: {
    ...dataOption,
    listen: { type: 'string', value: 'ADDRESS:PORT', help: 'where to listen (default 127.0.0.1:7443)' },
    advertise: {
      type: 'string',
      multiple: true,
      value: 'ADDRESS:PORT',
      help: 'where agents and gates reach it, and probes come from (repeatable; default: --listen)',
    },
    inventory: { type: 'string', value: 'FILE', help: 'put this inventory in force' },
    policy: { type: 'string', value: 'FILE', help: 'put this policy in force' },
    dns: {
      type: 'string',
      multiple: true,
      value: 'ADDRESS[:PORT]',
      help: "DNS servers that look up the inventory's names (default: the system's)",
    },
    shields: {
      type: 'string',
      value: 'DIR',
      help: 'folder of shields (default: those that come with Portcullis)',
    },
    advisories: {
      type: 'string',
      value: 'DIR',
      help: 'folder of OSV records (default: those that come with Portcullis)',
    },
    'bundle-keys': {
      type: 'string',
      value: 'DIR',
      help: 'folder of public keys (*.pub) whose bundles count (default DATA-DIR/controller/keys)',
    },
    'bundle-url': {
      type: 'string',
      value: 'URL',
      help: 'look here for new bundles (https; signature at URL.minisig)',
    },
    'bundle-every': { type: 'string', value: 'TIME', help: 'how often: 30m, 1h, 1d (default 1h)' },
    'bundle-shadow': {
      type: 'boolean',
      help: 'shields that a fetched bundle adds or changes judge and record at first, and do nothing',
    },
    nodes: {
      type: 'string',
      multiple: true,
      value: 'CLUSTER=FILE',
      help: "read versions of a cluster's kubelets, runtimes and drivers every five minutes, with a kubeconfig that may list nodes and pods (repeatable)",
    },
    'metrics-port': {
      type: 'string',
      value: 'PORT',
      help: 'serve /metrics (Prometheus), /healthz and /readyz on 127.0.0.1:PORT',
    },
    'probe-seconds': { type: 'string', value: 'N', help: 'seconds between probes (default 30)' },
  },
  arity: [0, 0],
  async run(context) {
    const probeSeconds = wholeNumber(context, 'probe-seconds', 1, 86_400);
    const metricsPort = wholeNumber(context, 'metrics-port', 1, 65_535);
    const advertise = context.list('advertise').map((text) => endpoint('advertise', text));
    const nodes = context.list('nodes').map(nodeSource);
    const dns = context.list('dns');
    for (const text of dns) if (isIP(text) === 0) endpoint('dns', text);
    const bundleUrl = context.option('bundle-url');
    const everySeconds = seconds(context, 'bundle-every', 3600);
    if (bundleUrl !== undefined && !bundleUrl.startsWith('https://'))
      throw wrongUsage('--bundle-url takes an https URL');
    const bundleKeysFolder = context.option('bundle-keys');
    const inventoryFile = context.option('inventory');
    const policyFile = context.option('policy');
    const { runController } = await import('../controller/run.ts');
    const running = await runController(
      {
        dataDir: join(dataDir(context), 'controller'),
        listen: endpoint('listen', context.option('listen') ?? '127.0.0.1:7443'),
        ...(advertise.length > 0 ? { advertise } : {}),
        ...(inventoryFile ? { inventoryFile } : {}),
        ...(policyFile ? { policyFile } : {}),
        ...(dns.length > 0 ? { dnsServers: dns } : {}),
        shieldsFolder: context.option('shields') ?? join(root, 'shields'),
        advisoriesFolder: context.option('advisories') ?? join(root, 'shields/advisories'),
        ...(bundleKeysFolder === undefined ? {} : { bundleKeysFolder }),
        ...(bundleUrl === undefined
          ? {}
          : { bundleSource: { url: bundleUrl, everySeconds, shadow: context.flag('bundle-shadow') } }),
        ...(probeSeconds === undefined ? {} : { probeSeconds }),
        ...(nodes.length > 0 ? { nodes } : {}),
        ...(metricsPort === undefined ? {} : { metricsPort }),
        note: context.note,
      },
      context.signal,
    );
    context.note(`the controller serves on ${running.endpoint.address}:${running.endpoint.port}`);
    reportReady();
    await running.stopped;
    return 0;
  },
};

/** `90s`, `30m`, `1h`, `1d`: from ten seconds to thirty days. @throws Failure `usage` */
function seconds(context: Context, name: string, otherwise: number): number {
  const text = context.option(name);
  if (text === undefined) return otherwise;
  const found = /^([1-9][0-9]{0,6})([smhd])$/.exec(text);
  const value = found ? Number(found[1]) * (units[found[2] ?? ''] ?? 0) : 0;
  if (value >= 10 && value <= 30 * 86_400) return value;
  throw wrongUsage(`--${name} takes a time from 10s to 30d, such as 30m, 1h or 1d, not '${text}'`);
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** @throws Failure `usage` */
function nodeSource(text: string): { cluster: string; kubeconfig: string } {
  const at = text.indexOf('=');
  if (at > 0 && at < text.length - 1) return { cluster: text.slice(0, at), kubeconfig: text.slice(at + 1) };
  throw wrongUsage(`--nodes takes CLUSTER=FILE, e.g. prod=/etc/portcullis/prod.kubeconfig, not '${text}'`);
}
