// Makes src/inspect/body/protobuf-fields.ts, the fields of Kubernetes' protobuf messages, from Kubernetes' own sources:
//   node scripts/kubernetes-fields.ts DIR...
// Each DIR is a release's staging/src/k8s.io (of the git repository, or of Debian's source package `kubernetes`). Numbers
// and types are from generated.proto; names as in JSON, and what is inlined, from the tags in types.go beside it. Numbers
// are never used again in Kubernetes, so the fields of several releases add up. kubernetes-fields-newer.txt adds those of
// releases later than any source at hand.
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** The kinds that rules may ask about, by API group; what they contain comes along. Lists of them as well. */
const kinds: Readonly<Record<string, readonly string[]>> = {
  'core/v1': [
    'Pod PodTemplate ReplicationController Service Endpoints Node Namespace PersistentVolume PersistentVolumeClaim',
    'ServiceAccount Secret ConfigMap Binding Event LimitRange ResourceQuota EphemeralContainers PodStatusResult',
    'ComponentStatus RangeAllocation List',
  ],
  'apps/v1': ['Deployment ReplicaSet StatefulSet DaemonSet ControllerRevision'],
  'apps/v1beta1': ['Deployment StatefulSet ControllerRevision Scale DeploymentRollback'],
  'apps/v1beta2': ['Deployment ReplicaSet StatefulSet DaemonSet ControllerRevision Scale'],
  'extensions/v1beta1': [
    'Deployment ReplicaSet DaemonSet Ingress NetworkPolicy PodSecurityPolicy Scale DeploymentRollback',
  ],
  'batch/v1': ['Job CronJob'],
  'batch/v1beta1': ['CronJob JobTemplate'],
  'batch/v2alpha1': ['CronJob JobTemplate'],
  'networking.k8s.io/v1': ['Ingress IngressClass NetworkPolicy'],
  'networking.k8s.io/v1beta1': ['Ingress IngressClass'],
  'discovery.k8s.io/v1': ['EndpointSlice'],
  'discovery.k8s.io/v1beta1': ['EndpointSlice'],
  'discovery.k8s.io/v1alpha1': ['EndpointSlice'],
  'storage.k8s.io/v1': ['StorageClass VolumeAttachment CSIDriver CSINode CSIStorageCapacity'],
  'storage.k8s.io/v1beta1': ['StorageClass VolumeAttachment CSIDriver CSINode CSIStorageCapacity'],
  'storage.k8s.io/v1alpha1': ['VolumeAttachment CSIStorageCapacity'],
  'rbac.authorization.k8s.io/v1': ['Role ClusterRole RoleBinding ClusterRoleBinding'],
  'rbac.authorization.k8s.io/v1beta1': ['Role ClusterRole RoleBinding ClusterRoleBinding'],
  'rbac.authorization.k8s.io/v1alpha1': ['Role ClusterRole RoleBinding ClusterRoleBinding'],
  'admissionregistration.k8s.io/v1': ['ValidatingWebhookConfiguration MutatingWebhookConfiguration'],
  'admissionregistration.k8s.io/v1beta1': ['ValidatingWebhookConfiguration MutatingWebhookConfiguration'],
  'apiregistration.k8s.io/v1': ['APIService'],
  'apiregistration.k8s.io/v1beta1': ['APIService'],
  'authentication.k8s.io/v1': ['TokenRequest TokenReview'],
  'authentication.k8s.io/v1beta1': ['TokenReview'],
  'authorization.k8s.io/v1': [
    'SubjectAccessReview LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview',
  ],
  'authorization.k8s.io/v1beta1': [
    'SubjectAccessReview LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview',
  ],
  'autoscaling/v1': ['HorizontalPodAutoscaler Scale'],
  'certificates.k8s.io/v1': ['CertificateSigningRequest'],
  'certificates.k8s.io/v1beta1': ['CertificateSigningRequest'],
  'coordination.k8s.io/v1': ['Lease'],
  'coordination.k8s.io/v1beta1': ['Lease'],
  'events.k8s.io/v1': ['Event'],
  'events.k8s.io/v1beta1': ['Event'],
  'policy/v1': ['Eviction PodDisruptionBudget'],
  'policy/v1beta1': ['Eviction PodDisruptionBudget PodSecurityPolicy'],
  'meta/v1': ['DeleteOptions Status'],
};

/** Messages whose JSON is not an object of their fields: the decoder knows them by these names. */
const special: Readonly<Record<string, string>> = {
  'resource.Quantity': 'quantity',
  'intstr.IntOrString': 'intstr',
  'runtime.RawExtension': 'raw',
  'meta/v1.FieldsV1': 'raw',
  'meta/v1.Time': 'time',
  'meta/v1.MicroTime': 'time',
  'meta/v1.Verbs': 'strings',
  ExtraValue: 'strings',
};

const scalars: Readonly<Record<string, string>> = {
  string: 's',
  bytes: 'y',
  int32: 'i',
  int64: 'l',
  bool: 'b',
  double: 'd',
};

type Field = { number: number; name: string; type: string; inline: boolean; keepsZero: boolean };
const messages = new Map<string, Map<number, Field>>();

for (const dir of process.argv.slice(2)) {
  for (const file of globSync('**/generated.proto', { cwd: dir }).sort()) readProto(join(dir, file));
}
const newer = join(root, 'scripts/kubernetes-fields-newer.txt');
if (existsSync(newer)) readLines(readFileSync(newer, 'utf8'));
write();

/** `k8s.io.api.core.v1` → `core/v1`, with the group's own name: `rbac.authorization.k8s.io/v1`. */
function groupOf(protoPackage: string): string {
  const parts = protoPackage.split('.');
  const version = parts.at(-1) ?? '';
  if (!/^v\d/.test(version)) return version;
  const group = parts.at(-2) ?? '';
  const full = Object.keys(kinds).find((name) => name.split('/')[0]?.split('.')[0] === group);
  return `${full?.split('/')[0] ?? group}/${version}`;
}

function readProto(file: string): void {
  const text = readFileSync(file, 'utf8').replace(/\/\/.*$/gm, '');
  const own = /^package ([\w.]+);/m.exec(text)?.[1] ?? '';
  const tags = goTags(join(dirname(file), 'types.go'));
  for (const [, name = '', body = ''] of text.matchAll(/^message (\w+) \{([^}]*)\}/gm)) {
    const fields = fieldsOf(`${groupOf(own)}.${name}`);
    const pattern = /(optional|repeated|required|map)\s*(?:<string, *([\w.]+)>|([\w.]+))\s+(\w+) = (\d+)/g;
    for (const [, label = '', mapType, plainType, field = '', number = ''] of body.matchAll(pattern)) {
      const tag = tags.get(`${name} ${number}`);
      const written = mapType ?? plainType ?? '';
      const prefix = label === 'map' ? '%' : label === 'repeated' ? '*' : '';
      fields.set(Number(number), {
        number: Number(number),
        name: tag?.json || field,
        type: prefix + typeName(written, own),
        inline: tag?.inline ?? false,
        keepsZero: tag?.keepsZero ?? true,
      });
    }
  }
}

function typeName(written: string, own: string): string {
  const scalar = scalars[written];
  if (scalar) return scalar;
  // Newer sources write names from the root, with a dot before.
  const full = written.includes('.') ? written.replace(/^\./, '') : `${own}.${written}`;
  const name = full.slice(full.lastIndexOf('.') + 1);
  const qualified = `${groupOf(full.slice(0, full.lastIndexOf('.')))}.${name}`;
  return special[qualified] ?? special[name] ?? qualified;
}

type Tag = { json: string; inline: boolean; keepsZero: boolean };

/** By struct and field number. A zero is kept where JSON would write it: of a pointer, or without omitempty. */
function goTags(file: string): Map<string, Tag> {
  const tags = new Map<string, Tag>();
  if (!existsSync(file)) return tags;
  for (const [, struct = '', body = ''] of readFileSync(file, 'utf8').matchAll(
    /^type (\w+) struct \{\n(.*?)^\}/gms,
  )) {
    for (const [, type = '', tag = ''] of body.matchAll(/^\s*(?:\w+\s+)?(\S+)\s+`(.*)`\s*$/gm)) {
      const number = /protobuf:"\w+,(\d+)/.exec(tag)?.[1];
      const [json = '', ...options] = (/json:"([^"]*)"/.exec(tag)?.[1] ?? '').split(',');
      if (!number) continue;
      const keepsZero = type.startsWith('*') || !options.includes('omitempty');
      tags.set(`${struct} ${number}`, { json, inline: options.includes('inline'), keepsZero });
    }
  }
  return tags;
}

function fieldsOf(message: string): Map<number, Field> {
  const known = messages.get(message);
  if (known) return known;
  const made = new Map<number, Field>();
  messages.set(message, made);
  return made;
}

/** The table's own form; `= other` as the only field copies another message. */
function readLines(text: string): void {
  for (const line of text.split('\n')) {
    const [message = '', rest = ''] = line.split(': ');
    if (line === '' || line.startsWith('#')) continue;
    const same = /^= (\S+)$/.exec(rest)?.[1];
    if (same !== undefined) {
      const fields = messages.get(same);
      if (!fields) throw new Error(`no message ${same}`);
      for (const [number, field] of fields) fieldsOf(message).set(number, field);
      continue;
    }
    for (const part of rest.split('; ')) {
      const match = /^(\d+)([!^]*) (\S+) (\S+)$/.exec(part);
      if (!match) throw new Error(`not a field: ${part}`);
      const [, number = '', marks = '', name = '', type = ''] = match;
      fieldsOf(message).set(Number(number), {
        number: Number(number),
        name,
        type,
        inline: marks.includes('^'),
        keepsZero: marks.includes('!'),
      });
    }
  }
}

function write(): void {
  const wanted = new Set<string>();
  const roots: string[] = [];
  for (const [group, names] of Object.entries(kinds)) {
    for (const name of names.flatMap((line) => line.split(' '))) {
      for (const kind of [`${group}.${name}`, `${group}.${name}List`]) {
        if (messages.has(kind)) roots.push(kind);
        else if (!kind.endsWith('List')) console.error(`no message ${kind}`);
      }
    }
  }
  const work = [...roots];
  for (let next = work.pop(); next !== undefined; next = work.pop()) {
    if (wanted.has(next)) continue;
    const fields = messages.get(next);
    if (!fields) throw new Error(`no message ${next}`);
    wanted.add(next);
    for (const { type } of fields.values()) {
      const inner = type.replace(/^[*%]/, '');
      if (inner.includes('.')) work.push(inner);
    }
  }
  const lines = [...wanted].sort().map((message) => {
    const fields = [...(messages.get(message)?.values() ?? [])].sort((a, b) => a.number - b.number);
    const parts = fields.map(({ number, name, type, inline, keepsZero }) => {
      const isScalar = /^\w$/.test(type);
      return `${number}${inline ? '^' : ''}${isScalar && keepsZero ? '!' : ''} ${name} ${type}`;
    });
    return `${message}: ${parts.join('; ')}`;
  });
  const text = [
    '// Made by scripts/kubernetes-fields.ts from the sources of Kubernetes: facts of its wire format, and nothing else.',
    '',
    '/**',
    ' * One message a line, `group/version.Message: NUMBER NAME TYPE; …`, names as in JSON. After the number: `^` inlined into',
    ' * the message around it, `!` zero is written in JSON, too. Types: s string, y bytes, i int32, l int64, b bool, d double,',
    ' * quantity, intstr, time, raw (an object in its own encoding), strings (a list), or a message; before it `*` repeated,',
    ' * `%` a map from strings.',
    ' */',
    `export const protobufFields = \`\n${lines.join('\n')}\n\`;`,
    '',
    '/** The kinds that a body may be. */',
    `export const protobufKinds = \`\n${roots.sort().join('\n')}\n\`;`,
    '',
  ].join('\n');
  writeFileSync(join(root, 'src/inspect/body/protobuf-fields.ts'), text);
  console.error(`${wanted.size} messages, ${roots.length} kinds`);
}
