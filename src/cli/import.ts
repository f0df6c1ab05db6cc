// portcullis import kubernetes, portcullis import file
import { Failure } from '../base/failure.ts';
import { partFacts } from '../intel/part-facts.ts';
import { Name } from '../model/common.ts';
import { readDocument } from '../model/document.ts';
import { type ImportAnswer, ImportDocument, type ImportRequest } from '../model/import.ts';
import { TagType } from '../model/tag.ts';
import { readText } from '../platform/files.ts';
import { fromKubernetes, type KubeFacts, type LabelRules } from '../policy/import-kubernetes.ts';
import { adminOptions, withAdmin } from './admin.ts';
import {
  type Command,
  type CommandOption,
  type Context,
  type ExitCode,
  required,
  wrongUsage,
} from './command.ts';
import { printable } from './table.ts';

const common: Readonly<Record<string, CommandOption>> = {
  ...adminOptions,
  source: {
    type: 'string',
    value: 'NAME',
    help: 'the name under which the import owns what it finds (of a file: required; of a cluster: default kubernetes/CLUSTER)',
  },
  'dry-run': { type: 'boolean', help: 'show what would change, and change nothing' },
  prune: {
    type: 'boolean',
    help: 'remove what the source no longer has; otherwise it stays and is shown as gone',
  },
};

const ownership =
  'What people declared is never changed, and shown as kept. What the import found before is brought up to date; tags that people add to it stay.';

export const importKubernetes: Command = {
  name: 'import kubernetes',
  summary:
    'bring nodes, API servers, the ways to them, and versions of other parts from a cluster into the inventory',
  details: `Reads nodes, services, the endpoints of default/kubernetes, and the pods of ingress-nginx and the NFS and SMB drivers. Versions of kubelets, kube-proxies, runtimes and those pods are observed, and judged at once; --rights prints the RBAC role that allows just that. ${ownership} A label becomes a tag only where --label or --label-prefix says so: whoever may label nodes sets those tags.`,
  options: {
    ...common,
    kubeconfig: {
      type: 'string',
      value: 'FILE',
      help: 'kubeconfig of the cluster (required, but for --rights)',
    },
    cluster: {
      type: 'string',
      value: 'NAME',
      help: "the cluster's name in the inventory (default: the kubeconfig's)",
    },
    label: {
      type: 'string',
      multiple: true,
      value: 'TYPE=LABEL',
      help: 'make a tag of this type from this node label (default: zone and region from topology.kubernetes.io)',
    },
    'label-prefix': {
      type: 'string',
      multiple: true,
      value: 'PREFIX',
      help: 'make tags from node labels that begin so; the type is the rest of the label',
    },
    rights: { type: 'boolean', help: 'print the RBAC role that the import needs, and stop' },
  },
  arity: [0, 0],
  async run(context) {
    const { importRights, readClusterLists } = await import('../platform/kube-import.ts');
    const { nodeInfos, podInfo } = await import('../platform/kube-parts.ts');
    if (context.flag('rights')) {
      context.print(context.json ? JSON.stringify({ manifest: importRights }) : importRights.trimEnd());
      return 0;
    }
    const rules = labelRules(context);
    const lists = await readClusterLists(required(context, 'kubeconfig'));
    const cluster = name('cluster', context.option('cluster') ?? slugOf(lists.cluster));
    const facts: KubeFacts = {
      ...lists,
      cluster,
      nodes: lists.nodes.map(({ metadata, status }) => ({
        name: metadata.name,
        labels: metadata.labels ?? {},
        kubeletVersion: status.nodeInfo?.kubeletVersion,
        addresses: (status.addresses ?? [])
          .filter(({ type }) => type === 'InternalIP' || type === 'ExternalIP')
          .map(({ address }) => address),
      })),
      services: lists.services.map(({ metadata, spec, status }) => ({
        name: `${metadata.namespace}/${metadata.name}`,
        ports: (spec.ports ?? []).filter(({ protocol }) => protocol === 'TCP'),
        clusterIps: (spec.clusterIPs ?? [spec.clusterIP ?? 'None']).filter(
          (ip) => ip !== 'None' && ip !== '',
        ),
        externalIps: [
          ...(spec.externalIPs ?? []),
          ...(status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []),
        ],
      })),
    };
    const { found, notes, hosts } = fromKubernetes(facts, rules);
    const parts = partFacts(
      nodeInfos(lists, hosts),
      lists.pods?.map((pod) => podInfo(pod, hosts)),
    );
    for (const line of [...notes, ...parts.notes]) context.note(`note: ${printable(line)}`);
    return send(context, context.option('source') ?? `kubernetes/${cluster}`, found, [
      { cluster: found.clusters[0]?.name ?? cluster, parts: [...parts.facts] },
    ]);
  },
};

export const importFile: Command = {
  name: 'import file',
  summary: 'bring a part of an inventory from a YAML file into the inventory, under a name of its own',
  usage: 'FILE',
  details: `The file has sites, clusters, hosts, servers and groups as an inventory has them, each left out where there is nothing. ${ownership} To replace what people declare: portcullis inventory apply.`,
  options: common,
  arity: [1, 1],
  async run(context) {
    const file = context.args[0] ?? '';
    const found = readDocument(ImportDocument, readText(file), file, 'bad-inventory');
    return send(context, required(context, 'source'), found);
  },
};

async function send(
  context: Context,
  source: string,
  found: ImportDocument,
  facts: ImportRequest['facts'] = [],
): Promise<ExitCode> {
  const dryRun = context.flag('dry-run');
  const request = { source: name('source', source), found, facts, prune: context.flag('prune'), dryRun };
  const answer = await withAdmin(context, (admin) => admin.importInventory(request));
  context.print(context.json ? JSON.stringify({ source, dryRun, ...answer }) : render(answer, dryRun));
  return 0;
}

const signs = { added: '+', changed: '~', kept: '=', gone: '?', removed: '-' } as const;

function render({ changes, unchanged }: ImportAnswer, dryRun: boolean): string {
  const lines = changes.flatMap(({ object, change, details }) => [
    `${signs[change]} ${object} ${change}`,
    ...details.map((detail) => `    ${detail}`),
  ]);
  const count = (wanted: string) => changes.filter(({ change }) => change === wanted).length;
  const counts = Object.keys(signs).map((change) => `${count(change)} ${change}`);
  const gone = count('gone') > 0 ? ['what is gone stays until --prune'] : [];
  return [
    ...lines,
    [...counts, `${unchanged} unchanged`].join(', '),
    ...gone,
    ...(dryRun ? ['nothing was changed: --dry-run'] : []),
  ]
    .map(printable)
    .join('\n');
}

/** @throws Failure `usage` */
function labelRules(context: Context): LabelRules {
  const types = new Map([
    ['topology.kubernetes.io/zone', 'zone'],
    ['topology.kubernetes.io/region', 'region'],
  ]);
  for (const text of context.list('label')) {
    const [type = '', ...rest] = text.split('=');
    const label = rest.join('=');
    if (!TagType.safeParse(type).success || label === '')
      throw wrongUsage(`--label takes TYPE=LABEL, e.g. zone=topology.kubernetes.io/zone, not '${text}'`);
    types.set(label, type);
  }
  return { types, prefixes: context.list('label-prefix') };
}

/** @throws Failure `usage` */
function name(option: string, text: string): string {
  const parsed = Name.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new Failure('usage', `--${option}: '${text}' is no name: ${parsed.error.issues[0]?.message}`);
}

function slugOf(text: string): string {
  return (
    text
      .toLowerCase()
      .replace(/[^a-z0-9.-]+/g, '-')
      .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '') || 'cluster'
  );
}
