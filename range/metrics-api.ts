// The range's aggregated API, metrics.k8s.io/v1beta1: believes X-Remote-* from whoever holds the front-proxy certificate
// and shows nodes to system:masters only. Its answers to upgrade requests are what real backends were seen to send:
// any status, interim ones first, lying fields, bodies in every framing; the socket stays open after each.
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { readText } from '../src/platform/files.ts';
import { isIssuedBy } from './authentication.ts';
import { writeBackendLine } from './backend-log.ts';
import { type Exchange, serveTls } from './http-server.ts';
import { type Field, values } from './http1.ts';
import { failureStatus } from './status.ts';

export type MetricsApiConfig = {
  readonly port: number;
  readonly pki: string;
  /** JSON lines file of BackendLine. */
  readonly log: string;
};

const root = '/apis/metrics.k8s.io/v1beta1';
const apiVersion = 'metrics.k8s.io/v1beta1';

/** What `?answer=` asks for, as raw bytes: answers to an upgrade that are not a real 101. */
const oddAnswers: Readonly<Record<string, string>> = {
  '200': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  '204': 'HTTP/1.1 204 No Content\r\n\r\n',
  '302': 'HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n',
  '304': 'HTTP/1.1 304 Not Modified\r\n\r\n',
  '503': 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy',
  'continue-then-400':
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nbad',
  'hints-then-200':
    'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  // The fields of a real upgrade and an announced close, neither of them true.
  'lying-400':
    'HTTP/1.1 400 Bad Request\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\nContent-Length: 3\r\n\r\nbad',
  // A body shorter than announced, and one without a length: these two end with the connection, a little later.
  short: 'HTTP/1.1 400 Bad Request\r\nContent-Length: 100\r\n\r\nbad',
  'no-length': 'HTTP/1.1 403 Forbidden\r\n\r\nforbidden',
  chunked: 'HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbad\r\n0\r\n\r\n',
};

/** Long enough for a slow caller to have talked on before. */
const endsAfterMs = 3_000;

/** Serves until the process ends. Resolves when it listens. */
export async function runMetricsApi(config: MetricsApiConfig): Promise<void> {
  const pki = (name: string) => readText(join(config.pki, name));
  const frontProxyCa = new X509Certificate(pki('front-proxy-ca.crt'));

  async function handle(exchange: Exchange): Promise<void> {
    const peer = exchange.socket.getPeerX509Certificate();
    const user = peer && isIssuedBy(peer, frontProxyCa) ? remoteUser(exchange.fields) : undefined;
    const fail = (code: number, message: string) =>
      exchange.send(code, 'application/json', failureStatus(code, message));
    const [path = '', query = ''] = exchange.target.split('?');
    const { method } = exchange;
    writeBackendLine(config.log, { server: 'metrics', user: user?.name ?? '', method, path });
    if (!user) return fail(401, 'Unauthorized');
    if (values(exchange.fields, 'connection').some((value) => /upgrade/i.test(value))) {
      const wanted = new URLSearchParams(query).get('answer') ?? '';
      const odd = oddAnswers[wanted];
      if (odd) exchange.socket.write(odd);
      if (wanted === 'short' || wanted === 'no-length') setTimeout(() => exchange.socket.end(), endsAfterMs);
      if (odd) return;
      if (path === `${root}/nodes`) fail(403, 'upgrades are forbidden here');
      else if (path === root) fail(400, 'upgrade request is not understood');
      else fail(404, 'the server could not find the requested resource');
      return;
    }
    if (new URLSearchParams(query).get('answer') === '204') return exchange.send(204, 'application/json', '');
    if (path === root) return send(exchange, resourceList);
    if (path !== `${root}/nodes`) return fail(404, 'the server could not find the requested resource');
    if (!user.groups.includes('system:masters')) {
      return fail(403, `nodes.metrics.k8s.io is forbidden: User "${user.name}" cannot list resource "nodes"`);
    }
    send(exchange, nodeMetrics(user.name));
  }

  await serveTls(
    {
      cert: pki('metrics-server.crt'),
      key: pki('metrics-server.key'),
      ca: [pki('front-proxy-ca.crt')],
      requestCert: true,
      rejectUnauthorized: false,
    },
    config.port,
    handle,
  );
}

function remoteUser(fields: readonly Field[]): { name: string; groups: string[] } | undefined {
  const name = values(fields, 'x-remote-user')[0];
  return name ? { name, groups: values(fields, 'x-remote-group') } : undefined;
}

function send(exchange: Exchange, document: unknown): void {
  exchange.send(200, 'application/json', `${JSON.stringify(document)}\n`);
}

const resourceList = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: apiVersion,
  resources: [
    { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs: ['get', 'list'] },
  ],
};

/** `servedTo` is for the range alone: whom this server took the caller for. */
function nodeMetrics(servedTo: string) {
  return {
    kind: 'NodeMetricsList',
    apiVersion,
    metadata: { annotations: { 'range/served-to': servedTo } },
    items: ['cp', 'node'].map((name) => ({
      metadata: { name },
      timestamp: new Date().toISOString(),
      window: '30s',
      usage: { cpu: '237m', memory: '1834Mi' },
    })),
  };
}
