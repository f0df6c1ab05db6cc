// Requests with bodies in odd forms, drawn from a seed: what a real server may read otherwise than the gate does.
import { fold } from '../../src/inspect/body/folding.ts';
import { encodeProtobuf } from './body-protobuf.ts';
import { Draw } from './draw.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type Fields = { readonly [name: string]: Json };

/** Where a value may stand that rules forbid: in what the server returns, and as rules ask for it. */
type Guard = { readonly stands: string; readonly asked: string; readonly of: 'objects' | 'pods' };

export type Target = {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly object: Fields;
  /** Fields to change: `…` is the value. */
  readonly written: (value: string) => Fields;
  readonly guards: readonly Guard[];
  /** Pointers that JSON patches write, and of what. */
  readonly pointers: (value: string) => readonly (readonly [string, Json])[];
};

export type Case = {
  readonly target: Target;
  readonly method: 'POST' | 'PUT' | 'PATCH';
  readonly contentType: string | readonly string[];
  readonly body: Buffer;
};

const object = (path: string): Guard => ({ stands: path, asked: path, of: 'objects' });
const pod = (at: string, path: string): Guard => ({ stands: `${at}${path}`, asked: path, of: 'pods' });
const podPaths = [
  'metadata.annotations.keys()',
  'metadata.annotations.*',
  'spec.volumes[*].hostPath.path',
  'spec.volumes[*].gitRepo.directory',
  'spec.containers[*].workingDir',
  'spec.containers[*].volumeMounts[*].subPath',
  'spec.containers[*].image',
  'spec.containers[*].env[*].value',
  'spec.containers[*].envFrom[*].secretRef.name',
  'spec.securityContext.sysctls[*].value',
];
const podSpec = (value: string): Fields => ({
  containers: [
    {
      name: 'a',
      image: value,
      workingDir: `/${value}`,
      env: [{ name: 'E', value }],
      envFrom: [{ secretRef: { name: value } }],
      volumeMounts: [{ name: 'v', mountPath: '/v', subPath: value }],
    },
  ],
  volumes: [{ name: 'v', hostPath: { path: `/${value}` } }],
  securityContext: { sysctls: [{ name: 'kernel.shm_rmid_forced', value }] },
});
const plainSpec: Fields = {
  containers: [{ name: 'a', image: 'plain' }],
  volumes: [{ name: 'v', emptyDir: {} }],
};
const template = (spec: Fields, annotations: Fields = {}): Fields => ({
  metadata: { labels: { app: 'a' }, annotations },
  spec,
});
const metadata: Fields = {
  name: 'seen',
  namespace: 'lab',
  labels: { l: 'label' },
  annotations: { one: '198.51.100.200', two: 'stored' },
};
const podPointers =
  (at: string) =>
  (value: string): readonly (readonly [string, Json])[] => [
    [`${at}/metadata/annotations/a~1b`, value],
    [`${at}/metadata/annotations`, { [value]: value }],
    [`${at}/spec/containers/0/workingDir`, `/${value}`],
    [`${at}/spec/containers/0/image`, value],
    [`${at}/spec/containers/-`, { name: value, image: value }],
    [`${at}/spec/containers/1`, { name: value, image: value }],
    [`${at}/spec/containers/-1`, { name: value, image: value }],
    [`${at}/spec/containers/00`, { name: 'a', image: value }],
    [`${at}/spec/containers/+0`, { name: 'a', image: value }],
    [`${at}/spec/containers`, [{ name: 'a', image: value }]],
    [`${at}/spec/volumes/0`, { name: 'v', hostPath: { path: `/${value}` } }],
    [`${at}/spec/volumes/-`, { name: value, hostPath: { path: `/${value}` } }],
    [`${at}/spec/containers/0/env`, [{ name: 'E', value }]],
    [`${at}/spec`, podSpec(value)],
    [at || '/metadata', template(podSpec(value))],
  ];

export const targets: readonly Target[] = [
  {
    group: '',
    version: 'v1',
    resource: 'services',
    object: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: { a: 'b' }, ports: [{ port: 80, protocol: 'TCP' }], externalIPs: ['192.0.2.1'] },
    },
    written: (value) => ({ spec: { externalIPs: [ip(value)], ports: [{ port: 80, protocol: 'TCP' }] } }),
    guards: [object('spec.externalIPs[*]'), object('metadata.annotations.*')],
    pointers: (value) => [
      ['/spec/externalIPs', [ip(value)]],
      ['/spec/externalIPs/-', ip(value)],
      ['/spec/externalIPs/0', ip(value)],
      ['/spec/externalIPs/1', ip(value)],
      ['/spec/externalIPs/-1', ip(value)],
      ['/spec/externalIPs/00', ip(value)],
      ['/spec/externalIPs/+0', ip(value)],
      ['/metadata/annotations/one', ip(value)],
      ['/spec', { ports: [{ port: 80, protocol: 'TCP' }], externalIPs: [ip(value)] }],
      [
        '',
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata,
          spec: { ports: [{ port: 80, protocol: 'TCP' }], externalIPs: [ip(value)] },
        },
      ],
    ],
  },
  {
    group: 'apps',
    version: 'v1',
    resource: 'deployments',
    object: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { selector: { matchLabels: { app: 'a' } }, template: template(plainSpec) },
    },
    written: (value) => ({
      spec: {
        selector: { matchLabels: { app: 'a' } },
        template: template(podSpec(value), { [value]: value }),
      },
    }),
    guards: podPaths.map((path) => pod('spec.template.', path)),
    pointers: podPointers('/spec/template'),
  },
  {
    group: 'batch',
    version: 'v1beta1',
    resource: 'cronjobs',
    object: {
      apiVersion: 'batch/v1beta1',
      kind: 'CronJob',
      metadata,
      spec: {
        schedule: '0 2 * * *',
        jobTemplate: { spec: { template: template({ ...plainSpec, restartPolicy: 'Never' }) } },
      },
    },
    written: (value) => ({
      spec: {
        schedule: '0 2 * * *',
        jobTemplate: {
          spec: { template: template({ ...podSpec(value), restartPolicy: 'Never' }, { [value]: value }) },
        },
      },
    }),
    guards: podPaths.map((path) => pod('spec.jobTemplate.spec.template.', path)),
    pointers: podPointers('/spec/jobTemplate/spec/template'),
  },
  {
    group: '',
    version: 'v1',
    resource: 'pods',
    object: { apiVersion: 'v1', kind: 'Pod', metadata, spec: plainSpec },
    written: (value) => ({ metadata: { annotations: { [value]: value } }, spec: podSpec(value) }),
    guards: podPaths.map((path) => pod('', path)),
    pointers: podPointers(''),
  },
  {
    group: '',
    version: 'v1',
    resource: 'pods',
    object: { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'seen' }, spec: plainSpec },
    written: (value) => ({ metadata: { annotations: { [value]: value } } }),
    guards: podPaths.map((path) => pod('', path)),
    pointers: podPointers(''),
  },
  {
    group: '',
    version: 'v1',
    resource: 'configmaps',
    object: { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { k: 'v' } },
    written: (value) => ({
      metadata: { annotations: { [value]: value } },
      data: { k: value, [value]: value },
    }),
    guards: [object('data.*'), object('data.keys()'), object('metadata.annotations.*')],
    pointers: (value) => [
      ['/data/k', value],
      ['/data/0', value],
      ['/data/-', value],
      ['/data/-1', value],
      ['/data/~0', value],
      ['/data/a~01', value],
      ['/data', { [value]: value }],
      ['/metadata/annotations', { [value]: value }],
      ['/metadata/annotations/', value],
    ],
  },
  {
    group: 'networking.k8s.io',
    version: 'v1',
    resource: 'ingresses',
    object: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata,
      spec: { rules: [{ host: 'a.example.org', http: { paths: [ingressPath('/plain')] } }] },
    },
    written: (value) => ({
      metadata: { annotations: { [`nginx.ingress.kubernetes.io/${value}`]: value } },
      spec: { rules: [{ host: 'a.example.org', http: { paths: [ingressPath(`/${value}`)] } }] },
    }),
    guards: [
      object('metadata.annotations.keys()'),
      object('metadata.annotations.*'),
      object('spec.rules[*].http.paths[*].path'),
    ],
    pointers: (value) => [
      ['/metadata/annotations/nginx.ingress.kubernetes.io~1x', value],
      ['/spec/rules/0/http/paths/0/path', `/${value}`],
      ['/spec/rules/0/http/paths/-', ingressPath(`/${value}`)],
      ['/spec/rules/-1/http/paths/0', ingressPath(`/${value}`)],
      ['/spec/rules', [{ host: 'b.example.org', http: { paths: [ingressPath(`/${value}`)] } }]],
      ['/spec/rules/0', { host: 'b.example.org', http: { paths: [ingressPath(`/${value}`)] } }],
    ],
  },
];

function ingressPath(path: string): Fields {
  return { path, pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } };
}

/** The same value as an address of TEST-NET-2. */
function ip(value: string): string {
  return `198.51.100.${Number(value.slice(1)) % 200}`;
}

export function drawCases(seed: number, count: number): readonly Case[] {
  const draw = new Draw(seed);
  return Array.from({ length: count }, (_, index) => drawCase(draw, `e${index}`));
}

function drawCase(draw: Draw, value: string): Case {
  const target = draw.of(targets);
  draw.level = draw.of([0.05, 0.3, 1]);
  const way = draw.of([
    'json',
    'json',
    'yaml',
    'yaml',
    'protobuf',
    'strategic',
    'strategic',
    'merge',
    'patch',
    'patch',
    'patch',
    'apply',
  ]);
  const create = draw.chance(0.5);
  const whole = wholeObject(draw, target, value, create);
  const method = create ? 'POST' : 'PUT';
  switch (way) {
    case 'json':
      return { target, method, contentType: jsonType(draw), body: jsonText(draw, whole) };
    case 'yaml':
      return {
        target,
        method,
        contentType: draw.of(['application/yaml', 'Application/YAML; a=b']),
        body: yamlText(draw, whole),
      };
    case 'protobuf':
      return {
        target,
        method,
        contentType: 'application/vnd.kubernetes.protobuf',
        body: encodeProtobuf(draw, whole as Fields, target),
      };
    case 'apply':
      return {
        target,
        method: 'PATCH',
        contentType: 'application/apply-patch+yaml',
        body: draw.chance(0.3) ? jsonText(draw, whole) : yamlText(draw, whole),
      };
    case 'patch':
      return {
        target,
        method: 'PATCH',
        contentType: draw.of(['application/json-patch+json', 'application/json-patch+json; charset=utf-8']),
        body: jsonText(draw, operations(draw, target, value)),
      };
    default: {
      const partial = disguised(draw, target.written(value), 0.35);
      return {
        target,
        method: 'PATCH',
        contentType: `application/${way === 'merge' ? 'merge' : 'strategic-merge'}-patch+json`,
        body: jsonText(draw, way === 'merge' ? partial : directed(draw, partial)),
      };
    }
  }
}

function wholeObject(draw: Draw, { object: stored, written }: Target, value: string, create: boolean): Json {
  const fresh = written(value);
  const own = fresh['metadata'] as Fields | undefined;
  const merged = {
    ...stored,
    ...fresh,
    metadata: { ...metadata, ...own, name: create ? `new-${value}` : 'seen' },
  };
  return disguised(draw, merged, 0.2);
}

/** What says of an object that it is another, or none. */
function disguised(draw: Draw, value: Fields, chance: number): Fields {
  let out: { [name: string]: Json } = { ...value };
  if (draw.odd(chance)) out['items'] = draw.of<Json>([[], null, {}, [{ kind: 'Pod' }], 'x', 3]);
  if (draw.odd(chance)) {
    const kind = draw.of<Json>(['List', 'PodList', 'Service', 'ServiceList', 'Foo', 'pod', '', null]);
    out['kind'] = kind;
  }
  if (draw.odd(chance / 2)) delete out['kind'];
  if (draw.odd(chance / 2)) delete out['apiVersion'];
  if (draw.odd(chance))
    out[draw.of(['template', 'jobTemplate', 'ephemeralContainers', 'Items'])] = draw.of<Json>([null, {}, []]);
  if (draw.odd(0.2)) out = Object.fromEntries(draw.shuffled(Object.entries(out)));
  return out;
}

/** With directives of strategic merge patches in some of its objects and lists. */
function directed(draw: Draw, value: Json): Json {
  if (Array.isArray(value)) {
    const items = (value as readonly Json[]).map((item) => directed(draw, item));
    const [first] = items;
    const isObjects = typeof first === 'object' && first !== null;
    if (isObjects && draw.odd(0.15)) items.push({ $patch: draw.of(['replace', 'merge', 'delete']) });
    if (isObjects && draw.odd(0.05)) items.unshift({ $patch: 'delete', name: 'a' });
    return items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const out: { [name: string]: Json } = {};
  for (const [name, inner] of Object.entries(value)) {
    out[name] = directed(draw, inner);
    if (Array.isArray(inner)) {
      if (draw.odd(0.15))
        out[`$setElementOrder/${name}`] = draw.of<Json>([
          inner.map((item) => (typeof item === 'object' && item !== null ? item : item)) as Json,
          [],
          [{ name: 'a' }],
          ['203.0.113.7'],
        ]);
      if (draw.odd(0.05)) out[`$deleteFromPrimitiveList/${name}`] = ['192.0.2.1'];
      if (draw.odd(0.03)) delete out[name];
    }
  }
  if (draw.odd(0.12)) out['$patch'] = draw.of(['replace', 'merge', 'delete']);
  if (draw.odd(0.08)) out['$retainKeys'] = draw.of<Json>([Object.keys(value), [], ['containers']]);
  return out;
}

function operations(draw: Draw, target: Target, value: string): Json {
  const count = draw.between(1, 4);
  const list: Json[] = [];
  const held: string[] = [];
  for (let index = 0; index < count; index++) {
    const [path, written] = draw.of(target.pointers(`${value}${index}`.slice(0, 12)));
    const how = draw.between(0, 9);
    if (how < 4) list.push({ op: draw.of(['add', 'add', 'replace']), path, value: written });
    else if (how < 7) {
      // Put down where nobody looks, taken from there into its place.
      const at = draw.of(['/x', '/metadata/x', '/metadata/labels/x', '/status', '/spec/x']);
      const form = draw.between(0, 2);
      const holder: Json = form === 0 ? { in: written } : form === 1 ? [written, 'other'] : ['other'];
      list.push({ op: 'add', path: at, value: holder });
      if (form === 2) list.push({ op: 'add', path: `${at}/${draw.of(['-', '1', '0'])}`, value: written });
      const from = form === 0 ? `${at}/in` : `${at}/${draw.of(['0', '0', '1', '1', '00', '+0'])}`;
      list.push({ op: draw.of(['copy', 'move']), from, path });
      held.push(at);
    } else if (how === 7) {
      list.push({
        op: 'copy',
        from: draw.of([
          '/metadata/annotations/one',
          '/metadata/labels',
          '/metadata/annotations/two',
          '/spec',
        ]),
        path,
      });
      // Copied onto itself, then added to.
      if (draw.chance(0.5))
        list.push({ op: 'copy', from: '/spec', path: '/spec' }, { op: 'add', path, value: written });
    } else if (how === 8) {
      list.push({ op: 'add', path, value: written });
      const shorter = path.slice(0, Math.max(1, path.lastIndexOf('/')));
      list.push({
        op: draw.of(['remove', 'test']),
        path: draw.of([path, shorter, '/metadata/annotations/two']),
        value: null,
      });
    } else
      list.push({
        op: draw.of(['add', 'Add', 'replace', 'ADD']),
        path: draw.of([path.slice(1), `x${path}`, `${path}/`, path.toUpperCase()]),
        value: written,
      });
  }
  for (const at of held) if (draw.odd(0.3)) list.push({ op: 'remove', path: at });
  return list;
}

function jsonType(draw: Draw): string | readonly string[] {
  return draw.of<string | readonly string[]>([
    'application/json',
    'application/json',
    'application/json',
    'application/json; charset=utf-8',
    'APPLICATION/JSON',
    'application/json;',
    'application/json; q=0.5, application/yaml',
    ' application/json',
    '',
    ['application/json', 'application/yaml'],
    ['application/yaml', 'application/json'],
    'application/json; charset="utf-8"; a=b',
    'application/json;stream=watch',
  ]);
}

/** Mostly JSON, with what some readers take and others don't. */
function jsonText(draw: Draw, value: Json): Buffer {
  const text = odd(draw, value);
  const rare = draw.oddity(8, 0.03);
  if (rare === 0) return Buffer.from(`\ufeff${text}`);
  if (rare === 1) return Buffer.from(`${text} {"spec":{}}`);
  if (rare === 2) return Buffer.from(`${text}\n---\n{}`);
  if (rare === 3) return Buffer.from(`${text}]`);
  if (rare === 4) return Buffer.from(`\n\t ${text}\r\n\0`);
  if (rare === 5) return Buffer.from(`\ufeff${text}`, 'utf16le');
  if (rare === 6) return Buffer.from(`/* */${text}`);
  if (rare === 7) return Buffer.from(text.replace('}', ',}'));
  return Buffer.from(text);
}

function odd(draw: Draw, value: Json): string {
  if (typeof value === 'string') return oddString(draw, value);
  if (typeof value === 'number') {
    return draw.odd(0.1)
      ? draw.of([`${value}.0`, `${value}e0`, `"${value}"`, `0${value}`, `+${value}`, `-${value}`])
      : String(value);
  }
  if (typeof value !== 'object' || value === null) return String(value);
  const gap = draw.odd(0.02) ? draw.of([' ', '\n', '\t', '\r', '\v', '\u00a0']) : '';
  if (Array.isArray(value)) {
    const items = (value as readonly Json[]).map((item) => odd(draw, item));
    if (draw.odd(0.04)) items.push('null');
    return `[${gap}${items.join(`,${gap}`)}]`;
  }
  const members: string[] = [];
  for (const [name, inner] of Object.entries(value)) {
    const text = odd(draw, inner);
    const rare = draw.oddity(6, 0.003);
    if (rare === 0) members.push(`${oddString(draw, name)}:${draw.of(['null', '{}', '[]', '"decoy"'])}`);
    if (rare === 1)
      members.push(`${JSON.stringify(recased(draw, name))}:${draw.of(['null', '{}', '"decoy"'])}`);
    members.push(
      `${rare === 3 ? JSON.stringify(recased(draw, name)) : oddString(draw, name)}${gap}:${gap}${text}`,
    );
    if (rare === 4)
      members.push(`${JSON.stringify(recased(draw, name))}:${draw.of(['null', '{}', '"decoy"'])}`);
    if (rare === 5) members.push(`${JSON.stringify(`${name}\\u0000`)}:${text}`);
  }
  return `{${gap}${members.join(`,${gap}`)}${gap}}`;
}

function recased(draw: Draw, name: string): string {
  const other = draw.of([
    name.toUpperCase(),
    `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`,
    name.replace('s', '\u017f'),
    name.replace('k', '\u212a'),
  ]);
  return fold(other) === fold(name) ? other : name.toUpperCase();
}

function oddString(draw: Draw, text: string): string {
  if (draw.odd(0.001)) return `'${text}'`;
  const plain = JSON.stringify(text);
  if (!draw.odd(0.08)) return plain;
  return `"${[...text].map((c) => (draw.chance(0.4) ? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}` : c === '/' ? '\\/' : JSON.stringify(c).slice(1, -1))).join('')}"`;
}

const words = [
  'yes',
  'No',
  'on',
  '~',
  'null',
  '0x10',
  '010',
  '0b11',
  '0o7',
  '1e3',
  '.5',
  '1_000',
  '1:30',
  '2001-01-01',
  '-',
  '=',
  '<<',
  '!x',
  '.inf',
  '+1',
  '1.',
  '0x',
  '00',
  '-0',
  'y',
  'N',
  'true',
  '12e03',
  '1e400',
  '9223372036854775808',
];

/** YAML in every style, with what versions 1.1 and 1.2 read differently. */
function yamlText(draw: Draw, value: Json): Buffer {
  const writer = new YamlWriter(draw);
  const body = writer.block(value, 0);
  const rare = draw.oddity(10, 0.03);
  const text =
    rare === 0
      ? `---\n${body}\n---\nspec: {}\n`
      : rare === 1
        ? `%YAML 1.1\n---\n${body}`
        : rare === 2
          ? `${body}\n...\njunk: 1\n`
          : rare === 3
            ? `# c\n---\n${body}\n...\n`
            : rare === 4
              ? `\ufeff${body}`
              : rare === 5
                ? body.replaceAll('\n', '\r\n')
                : rare === 6
                  ? body.replaceAll('\n', '\u0085')
                  : rare === 7
                    ? `--- !!map\n${body}`
                    : rare === 8
                      ? `\t${body}`
                      : body;
  return rare === 9 ? Buffer.from(`\ufeff${text}`, 'utf16le') : Buffer.from(text);
}

class YamlWriter {
  readonly #draw: Draw;
  #anchors = 0;

  constructor(draw: Draw) {
    this.#draw = draw;
  }

  block(value: Json, depth: number): string {
    const draw = this.#draw;
    if (typeof value !== 'object' || value === null || draw.odd(0.1)) return `${this.#flow(value)}`;
    const lead = ' '.repeat(depth);
    if (Array.isArray(value)) {
      if (value.length === 0) return '[]';
      return `\n${(value as readonly Json[]).map((item) => `${lead}- ${this.block(item, depth + 2)}`).join('\n')}`;
    }
    const entries = Object.entries(value);
    if (entries.length === 0) return '{}';
    const lines: string[] = [];
    for (const [name, inner] of entries) {
      const rare = draw.oddity(7, 0.005);
      if (rare === 0) lines.push(`${lead}${name}: decoy`);
      if (rare === 1) lines.push(`${lead}? ${name}\n${lead}: ${this.block(inner, depth + 2)}`);
      else if (rare === 2) {
        const anchor = `a${this.#anchors++}`;
        lines.push(
          `${lead}x${anchor}: &${anchor}\n${lead}  ${name}: ${this.block(inner, depth + 4)}`,
          `${lead}<<: *${anchor}`,
        );
      } else if (rare === 3) {
        const anchor = `a${this.#anchors++}`;
        lines.push(`${lead}x${anchor}: &${anchor} ${this.#flow(inner)}`, `${lead}${name}: *${anchor}`);
      } else if (rare === 4)
        lines.push(`${lead}<<: {${name}: decoy}`, `${lead}${name}: ${this.block(inner, depth + 2)}`);
      else if (rare === 5)
        lines.push(`${lead}${name}: ${this.block(inner, depth + 2)}`, `${lead}<<: {${name}: decoy}`);
      else if (rare === 6) lines.push(`${lead}${name} : ${this.block(inner, depth + 2)} # c`);
      else lines.push(`${lead}${this.#key(name)}: ${this.block(inner, depth + 2)}`);
    }
    return depth === 0 ? lines.join('\n') : `\n${lines.join('\n')}`;
  }

  #key(name: string): string {
    const draw = this.#draw;
    return draw.odd(0.06)
      ? draw.of([
          `"${name}"`,
          `'${name}'`,
          `!!str ${name}`,
          `"\\x${name.charCodeAt(0).toString(16)}${name.slice(1)}"`,
        ])
      : name === ''
        ? '""'
        : name;
  }

  #flow(value: Json): string {
    const draw = this.#draw;
    if (typeof value === 'string') return this.#scalar(value);
    if (typeof value !== 'object' || value === null) return String(value);
    if (Array.isArray(value))
      return `[${(value as readonly Json[]).map((item) => this.#flow(item)).join(draw.of([', ', ',', ' , ']))}${draw.odd(0.05) ? ',' : ''}]`;
    return `{${Object.entries(value)
      .map(([name, inner]) => `${this.#key(name)}${draw.of([': ', ': ', ': ', ' : '])}${this.#flow(inner)}`)
      .join(', ')}}`;
  }

  #scalar(text: string): string {
    const draw = this.#draw;
    const how = draw.oddity(8, 0.01);
    if (how === 0) return draw.of(words);
    if (how === 1) return `'${text}'`;
    if (how === 2)
      return `"${[...text].map((c) => (draw.chance(0.3) ? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}` : c)).join('')}"`;
    if (how === 3) return `!!str ${text}`;
    if (how === 4) return `!!binary ${Buffer.from(text).toString('base64')}`;
    if (how === 5) return `! ${text}`;
    if (how === 6) return `"${text}" # "decoy"`;
    if (how === 7) return `&z${this.#anchors++} ${text}`;
    return /^[\w/.-]+$/.test(text) && !/^[-\d]/.test(text) ? text : JSON.stringify(text);
  }
}
