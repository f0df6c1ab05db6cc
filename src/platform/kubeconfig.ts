// Reads a kubeconfig file: the server of one context, its CA and the caller's credentials.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { canonicalAddress } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import { readDocument } from '../model/document.ts';
import { readText } from './files.ts';

export type Kubeconfig = {
  readonly context: string;
  readonly cluster: string;
  readonly server: {
    /** As written: `https://10.0.0.1:6443`. */
    readonly url: string;
    /** Host of the URL: a DNS name or an address. */
    readonly host: string;
    /** Canonical address, when the host is one. */
    readonly address: string | undefined;
    readonly port: number;
    /** The name to verify in the server's certificate. */
    readonly serverName: string;
  };
  /** PEM; undefined: the system's roots. */
  readonly ca: string | undefined;
  readonly credentials: {
    readonly token?: string;
    /** PEM. */
    readonly certificate?: string;
    readonly key?: string;
  };
};

const text = z.string().min(1);
/** Fields that we don't read (extensions, preferences, colours) are left alone: other programs own this format. */
const Document = z.object({
  'current-context': z.string().optional(),
  clusters: z
    .array(
      z.object({
        name: z.string(),
        cluster: z.object({
          server: text,
          'certificate-authority': text.optional(),
          'certificate-authority-data': text.optional(),
          'tls-server-name': text.optional(),
          'insecure-skip-tls-verify': z.boolean().optional(),
          'proxy-url': text.optional(),
        }),
      }),
    )
    .default([]),
  contexts: z
    .array(z.object({ name: z.string(), context: z.object({ cluster: text, user: z.string().optional() }) }))
    .default([]),
  users: z
    .array(
      z.object({
        name: z.string(),
        user: z.object({
          'client-certificate': text.optional(),
          'client-certificate-data': text.optional(),
          'client-key': text.optional(),
          'client-key-data': text.optional(),
          token: text.optional(),
          tokenFile: text.optional(),
          exec: z.unknown().optional(),
          'auth-provider': z.unknown().optional(),
          username: z.string().optional(),
        }),
      }),
    )
    .default([]),
});
type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a context (the current one unless named) and every file that it names, relative to the kubeconfig's folder.
 * @throws Failure `unreadable`, `bad-yaml`, `bad-kubeconfig` (place: the file and the field)
 */
export function readKubeconfig(path: string, contextName?: string): Kubeconfig {
  const document = readDocument(Document, readText(path), path, 'bad-kubeconfig');
  const refuse = (field: string, message: string, hint?: string) =>
    new Failure('bad-kubeconfig', message, { place: `${path}: ${field}`, ...(hint ? { hint } : {}) });
  const name = contextName ?? document['current-context'];
  if (!name) throw refuse('current-context', 'no context is chosen', 'set current-context or name one');
  const context = document.contexts.find((item) => item.name === name)?.context;
  if (!context) throw refuse(`contexts[${name}]`, `there is no context '${name}'`);
  const cluster = document.clusters.find((item) => item.name === context.cluster)?.cluster;
  const clusterField = `clusters[${context.cluster}].cluster`;
  if (!cluster) throw refuse(clusterField, `context '${name}' names a cluster that isn't in the file`);
  if (cluster['insecure-skip-tls-verify']) {
    throw refuse(
      `${clusterField}.insecure-skip-tls-verify`,
      "the server's certificate must be verified",
      'give certificate-authority-data instead',
    );
  }
  if (cluster['proxy-url'] !== undefined)
    throw refuse(`${clusterField}.proxy-url`, 'a proxy to the server is not supported');
  const read = reader(path, refuse);
  return {
    context: name,
    cluster: context.cluster,
    server: parseServer(cluster.server, cluster['tls-server-name'], (message) =>
      refuse(`${clusterField}.server`, message),
    ),
    ca: read.pem(cluster, clusterField, 'certificate-authority', 'CERTIFICATE'),
    credentials: context.user === undefined ? {} : readCredentials(context.user),
  };

  function readCredentials(userName: string): Kubeconfig['credentials'] {
    const user = document.users.find((item) => item.name === userName)?.user;
    const field = `users[${userName}].user`;
    if (!user) throw refuse(field, `context '${name}' names a user that isn't in the file`);
    for (const plugin of ['exec', 'auth-provider', 'username'] as const) {
      if (user[plugin] === undefined) continue;
      throw refuse(
        `${field}.${plugin}`,
        plugin === 'username'
          ? 'passwords are not supported'
          : 'credential plugins are not run: Portcullis starts no program that a file names',
        'use a client certificate, a token or a tokenFile',
      );
    }
    const certificate = read.pem(user, field, 'client-certificate', 'CERTIFICATE');
    const key = read.pem(user, field, 'client-key', 'PRIVATE KEY');
    if ((certificate === undefined) !== (key === undefined))
      throw refuse(field, 'a client certificate and its key go together, one is missing');
    const token =
      user.token ?? (user.tokenFile === undefined ? undefined : read.file(user.tokenFile, field).trim());
    return {
      ...(token === undefined ? {} : { token }),
      ...(certificate === undefined || key === undefined ? {} : { certificate, key }),
    };
  }
}

/**
 * The server's addresses, canonical.
 * @throws Failure `bad-kubeconfig` when its name has none
 */
export async function serverAddresses(config: Kubeconfig, path: string): Promise<readonly string[]> {
  if (config.server.address !== undefined) return [config.server.address];
  try {
    const found = await lookup(config.server.host, { all: true, verbatim: true });
    return [...new Set(found.map((item) => canonicalAddress(item.address)))];
  } catch (cause) {
    throw new Failure('bad-kubeconfig', `the server's name '${config.server.host}' has no address`, {
      place: `${path}: clusters[${config.cluster}].cluster.server`,
      cause,
    });
  }
}

function parseServer(
  url: string,
  tlsName: string | undefined,
  refuse: (message: string) => Failure,
): Kubeconfig['server'] {
  if (!URL.canParse(url)) throw refuse(`'${url}' is not a URL`);
  const parsed = new URL(url);
  if (parsed.protocol !== 'https:')
    throw refuse(`the server must be reached by https, not ${parsed.protocol}//`);
  if (parsed.username || parsed.password || parsed.search)
    throw refuse('only https://host:port is understood');
  if (parsed.pathname !== '/') throw refuse(`a server behind the path '${parsed.pathname}' is not supported`);
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  return {
    url,
    host,
    address: isIP(host) ? canonicalAddress(host) : undefined,
    port: parsed.port === '' ? 443 : Number(parsed.port),
    serverName: tlsName ?? host,
  };
}

/** Reads `field` (a file) or `field-data` (base64) and checks that it is PEM of that kind. Contents are never quoted. */
function reader(path: string, refuse: (field: string, message: string) => Failure) {
  const file = (name: string, field: string): string => {
    try {
      return readText(resolve(dirname(path), name));
    } catch (error) {
      throw error instanceof Failure ? refuse(field, `the file '${name}' ${error.message}`) : error;
    }
  };
  const pem = (holder: Fields, place: string, field: string, kind: string): string | undefined => {
    const data = holder[`${field}-data`];
    const name = holder[field];
    if (typeof data === 'string') {
      const decoded = Buffer.from(data, 'base64').toString();
      if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(data) || !decoded.includes(`${kind}-----`))
        throw refuse(`${place}.${field}-data`, `this is not a ${kind.toLowerCase()} in PEM, base64-encoded`);
      return decoded;
    }
    if (typeof name !== 'string') return undefined;
    const content = file(name, `${place}.${field}`);
    if (!content.includes(`${kind}-----`))
      throw refuse(`${place}.${field}`, `the file '${name}' holds no ${kind.toLowerCase()} in PEM`);
    return content;
  };
  return { file, pem };
}
