// The range's kube-apiserver: behaves on the wire as the real one does where it matters to a gate in front of it, and is
// flawed (v1.12.2) or fixed (v1.12.3) as told. Over HTTP/2 or HTTP/1.1, by ALPN; commands in pods over the latter alone.
import type { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readText } from '../src/platform/files.ts';
import { auditLine, peerAddress, writeAudit } from './audit.ts';
import { createAuthenticator, type User } from './authentication.ts';
import { aggregatedGroups, discovery } from './discovery.ts';
import { type Exchange, serveTls } from './http-server.ts';
import { type Field, values, without } from './http1.ts';
import { impersonate } from './impersonate.ts';
import { proxyPlain } from './plain-proxy.ts';
import { encodeStatus, prefersProtobuf, protobufType } from './protobuf.ts';
import { type Access, forbiddenMessage, isAllowed } from './rbac.ts';
import { type RequestInfo, readRequest } from './request-info.ts';
import { serveResource } from './resource-handler.ts';
import { createStore } from './resources.ts';
import { failureStatus, reasonOf } from './status.ts';
import { type Backend, isUpgradeRequest, proxyUpgrade } from './upgrade-proxy.ts';

export type ServerVersion = 'v1.12.2' | 'v1.12.3';

export type ApiServerConfig = {
  readonly version: ServerVersion;
  readonly port: number;
  /** kubeadm's pki folder. */
  readonly pki: string;
  readonly tokensFile: string;
  readonly auditLog: string;
  readonly addresses: { readonly controlPlane: string; readonly node: string; readonly service: string };
  readonly kubeletPort: number;
  /** The aggregated API `metrics.k8s.io`, on the node. */
  readonly metricsPort: number;
  readonly watchIntervalMs: number;
  /** `--goaway-chance`, 0 to 1; 0 when left out. */
  readonly goawayChance?: number;
};

const json = 'application/json';
/** Characters. */
const compressFrom = 128 * 1024;
/** CNs that the front-proxy certificate may have (`--requestheader-allowed-names`). */
const allowedNames = ['front-proxy-client'];

/** Serves until the process ends. Resolves when it listens. */
export async function runApiServer(config: ApiServerConfig): Promise<void> {
  const pki = (name: string) => readText(join(config.pki, name));
  const authenticate = createAuthenticator({
    clientCaFile: join(config.pki, 'ca.crt'),
    frontProxyCaFile: join(config.pki, 'front-proxy-ca.crt'),
    allowedNames,
    tokensFile: config.tokensFile,
  });
  const store = createStore({
    nodeAddress: config.addresses.node,
    controlPlaneAddress: config.addresses.controlPlane,
    serviceAddress: config.addresses.service,
    gitVersion: config.version,
    clientCa: pki('ca.crt'),
    frontProxyCa: pki('front-proxy-ca.crt'),
    allowedNames,
  });
  const kubelet: Backend = {
    address: config.addresses.node,
    port: config.kubeletPort,
    serverName: 'node',
    ca: pki('ca.crt'),
    cert: pki('apiserver-kubelet-client.crt'),
    key: pki('apiserver-kubelet-client.key'),
  };
  const metrics: Backend = {
    address: config.addresses.node,
    port: config.metricsPort,
    serverName: 'metrics-server.kube-system.svc',
    ca: pki('ca.crt'),
    cert: pki('front-proxy-client.crt'),
    key: pki('front-proxy-client.key'),
  };
  const certificates = new WeakMap<object, X509Certificate | undefined>();

  function certificateOf(exchange: Exchange): X509Certificate | undefined {
    if (!certificates.has(exchange.socket)) {
      certificates.set(exchange.socket, exchange.socket.getPeerX509Certificate());
    }
    return certificates.get(exchange.socket);
  }

  async function handle(exchange: Exchange): Promise<void> {
    const info = readRequest(exchange.method, exchange.target);
    if (!info) {
      exchange.send(400, 'text/plain; charset=utf-8', '400 Bad Request');
      return;
    }
    let audited = false;
    let user: User | undefined;
    const audit = (code: number) => {
      if (!audited) writeAudit(config.auditLog, auditLine(exchange, info, user, code));
      audited = true;
    };
    const answer = (code: number, body: unknown, contentType = json) => {
      audit(code);
      if (Buffer.isBuffer(body)) exchange.send(code, contentType, body);
      else
        sendText(exchange, code, contentType, typeof body === 'string' ? body : `${JSON.stringify(body)}\n`);
    };
    const fail = (code: number, message: string) => {
      if (!prefersProtobuf(exchange.header('accept'))) return answer(code, failureStatus(code, message));
      audit(code);
      exchange.send(code, protobufType, encodeStatus({ message, reason: reasonOf(code), code }));
    };

    const who = authenticate(certificateOf(exchange), exchange.fields);
    if (who === 'unauthorized') return fail(401, 'Unauthorized');
    user = who;
    const impersonated = impersonate(who, exchange.fields);
    if (typeof impersonated === 'string') return fail(403, impersonated);
    user = impersonated;
    const access: Access = { ...info, path: info.path };
    if (!isAllowed(user, access)) return fail(403, forbiddenMessage(user, access));

    try {
      await route(exchange, info, user, audit, answer, fail);
    } catch (error) {
      if (exchange.gone.aborted) return;
      fail(503, `error dialing backend: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async function route(
    exchange: Exchange,
    info: RequestInfo,
    user: User,
    audit: (code: number) => void,
    answer: (code: number, body: unknown, contentType?: string) => void,
    fail: (code: number, message: string) => void,
  ): Promise<void> {
    const path = info.path.length > 1 ? info.path.replace(/\/$/, '') : info.path;
    const aggregated = /^\/apis\/([^/]+)(\/.*)$/.exec(path)?.[1];
    if (aggregated && aggregatedGroups.has(aggregated)) {
      const fields = withUser(exchange, user);
      return toBackend(exchange, metrics, exchange.target, fields, audit);
    }
    if (info.resource) {
      const kubeletPath = await serveResource({
        exchange,
        info: info.resource,
        request: info,
        user,
        store,
        answer,
        fail,
        audit,
        watchIntervalMs: config.watchIntervalMs,
      });
      if (kubeletPath === undefined) return;
      const { subresource } = info.resource;
      if (subresource === 'log')
        return toBackend(exchange, kubelet, kubeletPath, forwarded(exchange, user), audit, 'plain');
      if (!isUpgradeRequest(exchange.fields)) return fail(400, 'Upgrade request required');
      return toBackend(exchange, kubelet, kubeletPath, forwarded(exchange, user), audit);
    }
    if (path === '/version') return answer(200, versionDocument(config.version));
    if (path === '/healthz' || path === '/livez' || path === '/readyz') {
      return answer(200, 'ok', 'text/plain; charset=utf-8');
    }
    if (path === '/openapi/v2') return serveOpenApi(exchange, audit, fail);
    const document = discovery(path, `${config.addresses.controlPlane}:${config.port}`);
    if (document && (exchange.method === 'GET' || exchange.method === 'HEAD')) return answer(200, document);
    if (info.path.split('/').includes('..'))
      return fail(404, 'the server could not find the requested resource');
    answer(404, { paths: ['/api', '/api/v1', '/apis', '/healthz', '/version'] });
  }

  function toBackend(
    exchange: Exchange,
    backend: Backend,
    target: string,
    fields: readonly Field[],
    audit: (code: number) => void,
    how: 'plain' | 'either' = 'either',
  ): Promise<void> {
    if (how === 'plain' || !isUpgradeRequest(exchange.fields)) {
      return proxyPlain(exchange, backend, target, fields).then(({ status, done }) => {
        audit(status);
        return done;
      });
    }
    // The real audit filter records 101 whenever the socket is taken over, whatever the backend then answers.
    const flawed = config.version === 'v1.12.2';
    return proxyUpgrade({ exchange, backend, target, fields, flawed, onHijack: () => audit(101) });
  }

  await serveTls(
    {
      cert: pki('apiserver.crt'),
      key: pki('apiserver.key'),
      ca: [pki('ca.crt'), pki('front-proxy-ca.crt')],
      requestCert: true,
      rejectUnauthorized: false,
    },
    config.port,
    handle,
    config.goawayChance === undefined ? {} : { goawayChance: config.goawayChance },
  );
}

/** Long answers are compressed for callers who can read that, as from v1.16 on. */
function sendText(exchange: Exchange, code: number, contentType: string, text: string): void {
  const zip = text.length >= compressFrom && /\bgzip\b/.test(exchange.header('accept-encoding') ?? '');
  const fields: Field[] = [
    ['Content-Encoding', 'gzip'],
    ['Vary', 'Accept-Encoding'],
  ];
  if (zip) exchange.send(code, contentType, gzipSync(text, { level: 1 }), fields);
  else exchange.send(code, contentType, text);
}

/** A document that says little, but knows whether the caller has it already. */
function serveOpenApi(
  exchange: Exchange,
  audit: (code: number) => void,
  fail: (code: number, message: string) => void,
): void {
  const accept = exchange.header('accept') ?? json;
  if (!/application\/json|\*\/\*/.test(accept)) {
    fail(406, `only ${json} is served, not ${accept}`);
    return;
  }
  const etag = '"4D1F9C"';
  const known = exchange.header('if-none-match') === etag;
  audit(known ? 304 : 200);
  const document = { swagger: '2.0', info: { title: 'Kubernetes', version: 'v1.12' }, paths: {} };
  exchange.send(known ? 304 : 200, json, `${JSON.stringify(document)}\n`, [['ETag', etag]]);
}

/** The client's fields as the server forwards them: its credentials removed where they were used, the client's address added. */
function forwarded(exchange: Exchange, user: User): Field[] {
  const used = (name: string) =>
    (user.method === 'token' && name === 'authorization') ||
    (user.method === 'front-proxy' && name.startsWith('x-remote-'));
  const chain = [...values(exchange.fields, 'x-forwarded-for'), peerAddress(exchange)].join(', ');
  return [
    ...without(exchange.fields, (name) => used(name) || name === 'x-forwarded-for'),
    ['X-Forwarded-For', chain],
  ];
}

/** For an aggregated API: who the caller is, under the front-proxy certificate. The caller's own claims are removed. */
function withUser(exchange: Exchange, user: User): Field[] {
  return [
    ...without(forwarded(exchange, user), (name) => name.startsWith('x-remote-')),
    ['X-Remote-User', user.name],
    ...user.groups.map((group) => ['X-Remote-Group', group] as const),
    ...Object.entries(user.extra).flatMap(([key, entries]) =>
      entries.map((value) => [`X-Remote-Extra-${encodeURIComponent(key)}`, value] as const),
    ),
  ];
}

function versionDocument(gitVersion: string) {
  return {
    major: '1',
    minor: '12',
    gitVersion,
    gitCommit: '0000000000000000000000000000000000000000',
    gitTreeState: 'clean',
    buildDate: '2018-11-26T14:31:35Z',
    goVersion: 'go1.10.4',
    compiler: 'gc',
    platform: 'linux/amd64',
  };
}
