// What the API server does with a request for a resource, once it is allowed: list, get, watch, write, review; and for
// the subresources that live on a node, where at the kubelet the request goes.
import type { User } from './authentication.ts';
import type { Exchange } from './http-server.ts';
import { readAccessReview } from './protobuf.ts';
import { isAllowed } from './rbac.ts';
import type { RequestInfo } from './request-info.ts';
import { type KubeObject, type ResourceType, resourceTypes, type Store } from './resources.ts';
import { table, tableVersion } from './table.ts';
import { serveWatch } from './watch.ts';
import { encodedAs, serveWrite } from './writing.ts';

export type Context = {
  readonly exchange: Exchange;
  readonly request: RequestInfo;
  readonly info: NonNullable<RequestInfo['resource']>;
  readonly user: User;
  readonly store: Store;
  readonly watchIntervalMs: number;
  answer(code: number, body: unknown, contentType?: string): void;
  fail(code: number, message: string): void;
  audit(code: number): void;
};

/** Answers, or gives the kubelet's path and query for exec, attach, port-forward and log. */
export async function serveResource(context: Context): Promise<string | undefined> {
  const { info, request, store, fail } = context;
  if (info.group === 'authorization.k8s.io' || info.group === 'authentication.k8s.io') {
    await serveReview(context);
    return undefined;
  }
  const type = resourceTypes.find(
    (one) => one.group === info.group && one.version === info.version && one.resource === info.resource,
  );
  if (!type) {
    fail(404, 'the server could not find the requested resource');
    return undefined;
  }
  const namespace = type.namespaced ? info.namespace : '';
  if (type.resource === 'pods' && info.subresource && info.subresource !== 'status')
    return kubeletPath(context, type);
  if (request.verb === 'list') {
    answerObjects(context, type, matching(request, store.list(type, namespace)));
  } else if (request.verb === 'watch') {
    await watch(context, type, namespace);
  } else if (request.verb === 'get') {
    const object = store.get(type, namespace, info.name);
    if (object) answerObject(context, type, object);
    else fail(404, `${type.resource} "${info.name}" not found`);
  } else if (request.verb === 'create' || request.verb === 'update' || request.verb === 'patch') {
    await serveWrite(context, type, namespace);
  } else if (request.verb === 'delete' && type.verbs.includes('delete')) {
    const object = store.remove(type, namespace, info.name);
    if (object) answerObject(context, type, object);
    else fail(404, `${type.resource} "${info.name}" not found`);
  } else {
    fail(405, 'the server does not allow this method on the requested resource');
  }
  return undefined;
}

async function watch(
  { exchange, request, store, audit, ...context }: Context,
  type: ResourceType,
  namespace: string,
) {
  const asTable = tableVersion(exchange.header('accept'));
  const objects = () => {
    const named = context.info.name;
    const all = matching(request, store.list(type, namespace));
    return named ? all.filter((object) => object.metadata.name === named) : all;
  };
  const event = (kind: string, object: KubeObject) => ({
    type: kind,
    object: asTable ? table(asTable, type.kind, object.metadata.resourceVersion, [object]) : object,
  });
  const from = request.query.get('resourceVersion') ?? '';
  const fresh = from === '' || from === '0';
  // Config maps change when they are written; all else has news at every turn, so that a watch has something to say.
  const lively = type.resource !== 'configmaps';
  let turn = 0;
  const news = () => {
    const all = objects();
    const object = all[turn++ % Math.max(1, all.length)];
    if (object) return event('MODIFIED', object);
    const metadata = { resourceVersion: store.version() };
    return { type: 'BOOKMARK', object: { kind: type.kind, apiVersion: type.version, metadata } };
  };
  const isWatched = (object: KubeObject) =>
    (namespace === '' || object.metadata.namespace === namespace) &&
    (context.info.name === '' || object.metadata.name === context.info.name) &&
    matching(request, [object]).length > 0;
  await serveWatch(
    exchange,
    {
      first: fresh ? objects().map((object) => event('ADDED', object)) : [],
      follow(emit, signal) {
        if (lively) {
          const tick = setInterval(() => emit(news()), context.watchIntervalMs);
          signal.addEventListener('abort', () => clearInterval(tick));
          return;
        }
        store.follow(type, fresh ? store.version() : from, signal, (change) => {
          if (isWatched(change.object)) emit(event(change.type, change.object));
        });
      },
      timeoutSeconds: Number(request.query.get('timeoutSeconds')) || 0,
    },
    audit,
  );
}

function answerObjects(
  { exchange, store, answer }: Context,
  type: ResourceType,
  objects: KubeObject[],
): void {
  const asTable = tableVersion(exchange.header('accept'));
  const resourceVersion = store.version();
  if (asTable) {
    answer(200, table(asTable, type.kind, resourceVersion, objects));
    return;
  }
  const apiVersion = type.group ? `${type.group}/${type.version}` : type.version;
  answer(200, { kind: `${type.kind}List`, apiVersion, metadata: { resourceVersion }, items: objects });
}

function answerObject({ exchange, answer }: Context, type: ResourceType, object: KubeObject): void {
  const accept = exchange.header('accept');
  const encoded = encodedAs(object, accept);
  const asTable = tableVersion(accept);
  if (encoded) answer(200, encoded.bytes, encoded.type);
  else answer(200, asTable ? table(asTable, type.kind, object.metadata.resourceVersion, [object]) : object);
}

/** The selectors that kubectl uses. */
function matching(request: RequestInfo, objects: KubeObject[]): KubeObject[] {
  const fields = selector(request.query.get('fieldSelector'));
  const labels = selector(request.query.get('labelSelector'));
  const value = (object: KubeObject, key: string): unknown =>
    key
      .split('.')
      .reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined)?.[name], object);
  return objects.filter(
    (object) =>
      fields.every(([key, wanted]) => value(object, key) === wanted) &&
      labels.every(([key, wanted]) => object.metadata.labels?.[key] === wanted),
  );
}

function selector(text: string | null): [string, string][] {
  return (text ?? '')
    .split(',')
    .map((part) => /^([^=!]+)==?(.*)$/.exec(part))
    .filter((match) => match !== null)
    .map(([, key = '', wanted = '']) => [key, wanted]);
}

function kubeletPath({ request, info, store, fail }: Context, type: ResourceType): string | undefined {
  const pod = store.get(type, info.namespace, info.name);
  if (!pod) {
    fail(404, `pods "${info.name}" not found`);
    return undefined;
  }
  const containers = (pod['spec'] as { containers: { name: string }[] }).containers.map(({ name }) => name);
  const container = request.query.get('container') || containers[0] || '';
  if (info.subresource !== 'portforward' && !containers.includes(container)) {
    fail(400, `container ${container} is not valid for pod ${info.name}`);
    return undefined;
  }
  const query = new URLSearchParams();
  if (info.subresource === 'log') {
    for (const key of ['follow', 'tailLines', 'timestamps', 'sinceSeconds', 'limitBytes', 'previous']) {
      const given = request.query.get(key);
      if (given) query.set(key, given);
    }
    return `/containerLogs/${info.namespace}/${info.name}/${container}?${query}`;
  }
  if (info.subresource === 'portforward') {
    for (const port of request.query.getAll('ports')) query.append('port', port);
    return `/portForward/${info.namespace}/${info.name}?${query}`;
  }
  if (info.subresource !== 'exec' && info.subresource !== 'attach') {
    fail(404, 'the server could not find the requested resource');
    return undefined;
  }
  for (const [ours, theirs] of [
    ['stdin', 'input'],
    ['stdout', 'output'],
    ['stderr', 'error'],
    ['tty', 'tty'],
  ] as const) {
    if (/^(1|true)$/i.test(request.query.get(ours) ?? '')) query.set(theirs, '1');
  }
  for (const word of request.query.getAll('command')) query.append('command', word);
  return `/${info.subresource}/${info.namespace}/${info.name}/${container}?${query}`;
}

async function serveReview({ exchange, request, info, user, answer, fail }: Context): Promise<void> {
  const apiVersion = `${info.group}/${info.version}`;
  if (request.verb !== 'create' || info.version !== 'v1') {
    return fail(404, 'the server could not find the requested resource');
  }
  if (info.resource === 'selfsubjectreviews') {
    const userInfo = { username: user.name, groups: user.groups, extra: user.extra };
    return answer(201, { kind: 'SelfSubjectReview', apiVersion, metadata: {}, status: { userInfo } });
  }
  if (info.resource !== 'selfsubjectaccessreviews') {
    return fail(404, 'the server could not find the requested resource');
  }
  const spec = readReviewSpec((await exchange.body()) ?? Buffer.alloc(0));
  if (!spec) return fail(400, 'the object provided is unrecognized');
  const asked = spec.resourceAttributes;
  const allowed = isAllowed(user, {
    verb: asked?.['verb'] ?? spec.nonResourceAttributes?.['verb'] ?? '',
    path: spec.nonResourceAttributes?.['path'] ?? '',
    ...(asked
      ? {
          resource: {
            group: asked['group'] ?? '',
            version: asked['version'] ?? '',
            namespace: asked['namespace'] ?? '',
            resource: asked['resource'] ?? '',
            subresource: asked['subresource'] ?? '',
            name: asked['name'] ?? '',
          },
        }
      : {}),
  });
  answer(201, { kind: 'SelfSubjectAccessReview', apiVersion, metadata: {}, spec, status: { allowed } });
}

type ReviewSpec = {
  readonly resourceAttributes?: Record<string, string>;
  readonly nonResourceAttributes?: Record<string, string>;
};

function readReviewSpec(body: Buffer): ReviewSpec | undefined {
  const binary = readAccessReview(body);
  if (binary) return binary;
  try {
    return (JSON.parse(body.toString()) as { spec?: ReviewSpec }).spec;
  } catch {
    return undefined;
  }
}
