// Upgrades and streams: exec, attach, port-forward, watches over WebSocket, proxied services.
import type { Client, CorpusExchange } from './exchange.ts';

const spdy: Client = { name: 'kubectl 1.28', userAgent: 'kubectl/v1.28.4 (linux/amd64) kubernetes/bae2c62' };
const websocket: Client = {
  name: 'kubectl 1.32',
  userAgent: 'kubectl/v1.32.1 (linux/amd64) kubernetes/e9c9be4',
  as: { user: 'developer', groups: ['shop-team'] },
};
const browser: Client = {
  name: 'dashboard',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
};

const channels = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];
const pod = '/api/v1/namespaces/shop/pods/web-1';
const key = 'dGhlIHNhbXBsZSBub25jZQ==';

function overSpdy(name: string, target: string, protocols: readonly string[] = channels): CorpusExchange {
  return {
    name,
    client: spdy,
    method: 'POST',
    target,
    headers: { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': protocols },
    answer: {
      status: 101,
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'SPDY/3.1',
        'X-Stream-Protocol-Version': protocols[0] ?? '',
      },
    },
    tunnel: { client: '\x80\x03\x00\x01', server: '\x80\x03\x00\x02' },
  };
}

function overWebSocket(
  client: Client,
  name: string,
  target: string,
  protocol = 'v5.channel.k8s.io',
  more: CorpusExchange['headers'] = {},
): CorpusExchange {
  return {
    name,
    client,
    method: 'GET',
    target,
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': key,
      'Sec-WebSocket-Protocol': protocol,
      ...more,
    },
    answer: {
      status: 101,
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
        'Sec-WebSocket-Protocol': protocol,
      },
    },
    tunnel: { client: '\x82\x85\x00\x00\x00\x00hello', server: '\x82\x05world' },
  };
}

function refused(exchange: CorpusExchange, status: number): CorpusExchange {
  const { tunnel: _, ...rest } = exchange;
  return {
    ...rest,
    name: `${exchange.name}, answered ${status}`,
    answer: { status, text: '{"kind":"Status","status":"Failure"}' },
  };
}

const exec = `${pod}/exec?command=sh&command=-c&command=ls+-la+%2Fproc%2Fself%2Ffd&container=web&stderr=true&stdout=true`;
const shell = `${pod}/exec?command=bash&container=web&stdin=true&stdout=true&tty=true`;
const copy = `${pod}/exec?command=tar&command=cf&command=-&command=%2Fvar%2Flog%2Fapp&container=web&stderr=true&stdout=true`;
const attach = `${pod}/attach?container=web&stdin=true&stdout=true&tty=true`;
const forward = `${pod}/portforward?ports=8080`;

export const streamExchanges: readonly CorpusExchange[] = [
  ...[exec, shell, copy, attach].flatMap((target) => {
    const name = `${target.split('/').at(-1)?.split('?')[0]} ${/command=(\w+)/.exec(target)?.[1] ?? ''}`;
    return [
      overSpdy(`${name}, SPDY`, target),
      overWebSocket(websocket, `${name}, WebSocket`, target),
      refused(overWebSocket(websocket, `${name}, WebSocket to an old server`, target), 403),
      refused(overSpdy(`${name}, a pod that is gone`, target), 404),
    ];
  }),
  overSpdy('port-forward, SPDY', `${pod}/portforward`, ['portforward.k8s.io']),
  overWebSocket(websocket, 'port-forward, tunnelled', forward, 'SPDY/3.1+portforward.k8s.io'),
  overWebSocket(
    browser,
    'a watch from a browser',
    '/api/v1/namespaces/shop/pods?watch=true&resourceVersion=12',
    'base64.binary.k8s.io',
    { Origin: 'https://console.example.org' },
  ),
  overWebSocket(browser, 'logs from a browser', `${pod}/log?follow=true`, 'base64.binary.k8s.io', {
    Origin: 'https://console.example.org',
  }),
  overWebSocket(browser, 'a terminal from a browser', shell, 'v4.channel.k8s.io', {
    Origin: 'https://console.example.org',
  }),
  overWebSocket(
    browser,
    'a service with a WebSocket',
    '/api/v1/namespaces/shop/services/http:grafana:80/proxy/api/live/ws',
    'grafana',
    { Origin: 'https://console.example.org' },
  ),
  ...[
    '/api/v1/namespaces/shop/services/http:grafana:80/proxy/',
    '/api/v1/namespaces/shop/services/http:grafana:80/proxy/d/abc/web?from=now-6h&to=now',
    '/api/v1/namespaces/shop/pods/web-1:8080/proxy/healthz',
    '/api/v1/namespaces/kubernetes-dashboard/services/https:kubernetes-dashboard:/proxy/assets/i18n/en.json',
    '/api/v1/nodes/node-1/proxy/metrics',
    '/api/v1/nodes/node-1/proxy/pods',
    '/api/v1/nodes/https:node-1:10250/proxy/healthz',
  ].map(
    (target): CorpusExchange => ({
      name: `proxied ${target}`,
      client: browser,
      method: 'GET',
      target,
      answer: { status: 200, text: 'ok' },
    }),
  ),
  {
    name: 'a proxied form',
    client: browser,
    method: 'POST',
    target: '/api/v1/namespaces/shop/services/web:http/proxy/login',
    body: { contentType: 'application/x-www-form-urlencoded', text: 'user=a&next=%2Fhome' },
    answer: { status: 302, headers: { Location: '/home' } },
  },
];
